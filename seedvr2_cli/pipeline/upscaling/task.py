"""What is asked for, and what is decided before the first frame: windows, the VAE's way, what stays ready."""

from dataclasses import dataclass
from typing import Any

import torch

from seedvr2_cli.base.events import Reporter
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.coded_memory import told
from seedvr2_cli.pipeline.options import UpscaleOptions
from seedvr2_cli.pipeline.planning import budget_of, make_plan
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscaling.models import Models
from seedvr2_cli.pipeline.upscaling.notes import noted_times, noted_way
from seedvr2_cli.pipeline.upscaling.stages import Film, Restoration
from seedvr2_cli.pipeline.upscaling.times import (
    describe_times,
    largest,
    say_target,
    say_times,
    time_plan,
    window_budget,
)
from seedvr2_cli.plan.padding import Padding
from seedvr2_cli.plan.shots import GROUP, Shot
from seedvr2_cli.vae.engine.plan import Wanted
from seedvr2_cli.vae.engine.way import Way

STAGES = ("encode", "decode")
# bytes a pixel: the frames of a latent in float32, as decoded, as they were, and on their way through color
FINISHING = 6 * GROUP * 3 * 4


@dataclass(frozen=True)
class Task:
    """An input, an output, and the models between them."""

    options: UpscaleOptions
    source: MediaSource
    spec: OutputSpec
    padding: Padding
    models: Models
    ffmpeg: FFmpeg


@dataclass(frozen=True)
class Decided:
    """estimate: bytes above the models as loaded, None where not known. way: the VAE's, None for a model that
    has but one."""

    film: Film
    restoration: Restoration
    estimate: int | None
    way: Way | None

    def describe(self) -> dict[str, Any]:
        """The plan as the report shows it."""
        padding = self.film.padding
        return (
            describe_plan(self.film.job, padding.padded, STAGES)
            | {"target": list(padding.size), "estimated_bytes": self.estimate}
            | describe_times(self.restoration.times)
        )


def decide(
    task: Task, shots: tuple[Shot, ...], note: dict[str, Any], clock: StageClock, reporter: Reporter
) -> Decided:
    """Windows first, then the VAE's way, then the weights that may stay in what is left; a line says each.

    note: the decisions of a run that goes on, empty for a new one. Raises UsageError and DeviceError.
    """
    options, padding, models = task.options, task.padding, task.models
    say_target(padding, reporter)
    vae, device, restorer = models.vae.vae, models.vae.device, models.restorer
    width, height = (side // vae.config.spatial_factor for side in padding.padded)
    if note:
        times = noted_times(note)
    else:
        budget = window_budget(options.memory, device)
        times = time_plan(shots, options.time, restorer, (height, width), budget)
    takes = restorer.window_bytes((largest(times), height, width))
    say_times(times, takes, reporter)
    alone = all(shot.frames == 1 for shot in shots)
    way = noted_way(note, options.memory.cache_folder)
    beside = FINISHING * padding.padded[0] * padding.padded[1] // (GROUP if alone else 1)
    wanted = Wanted(
        size=padding.padded, alone=alone, encodes=True, decodes=True, in_turn=True, way=way, beside=beside
    )
    plan = make_plan(models.vae, wanted, options.tiles, options.memory, reporter)
    room, most = budget_of(options.memory, device), max(plan.bytes, takes) if plan else takes
    settled = restorer.settle(None if room is None else room - most, len(times.units), reporter)
    job = Job(told(vae, plan, reporter), options.tiles, clock, plan, alone, torch.device(device.torch_name))
    seed, factor = options.transformer.seed, vae.config.scaling_factor
    return Decided(
        Film(job, shots, padding, reporter),
        Restoration(restorer, times, seed, factor, clock, reporter),
        settled.kept + max(plan.bytes, takes + settled.passing) if plan else None,
        plan.way if plan else None,
    )
