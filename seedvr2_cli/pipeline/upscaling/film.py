"""A whole film: what is planned and said before its first frame, and its shots in order."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_bytes, say_seconds
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.lanes import Ahead
from seedvr2_cli.pipeline.options import UpscaleOptions
from seedvr2_cli.pipeline.planning import Work, budget_of, make_plan
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sources import MediaSource, pixel_type
from seedvr2_cli.pipeline.upscaling.models import Models
from seedvr2_cli.pipeline.upscaling.shelf import Shelf
from seedvr2_cli.pipeline.upscaling.stages import (
    Restoration,
    decoded,
    encoded,
    finished,
    prepared,
    restored,
)
from seedvr2_cli.pipeline.upscaling.times import time_plan
from seedvr2_cli.plan.padding import Padding
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.plan.windows import TimePlan, frames_of

STAGES = ("encode", "decode")
PACE_S = 30.0  # between two lines that say how long it will take


def plan_restoration(
    models: Models,
    padding: Padding,
    shots: tuple[Shot, ...],
    options: UpscaleOptions,
    clock: StageClock,
    reporter: Reporter,
) -> Restoration:
    """Choose windows and the VAE's way, and say both. Raises UsageError and DeviceError."""
    vae, device, restorer = models.vae.vae, models.vae.device, models.restorer
    budget = budget_of(options.memory, device)
    width, height = (side // vae.config.spatial_factor for side in padding.padded)
    times = time_plan(shots, options.time, restorer, (height, width), budget)
    takes = restorer.window_bytes((_largest(times), height, width))
    _say_shape(padding, reporter)
    _say_times(times, takes, reporter)
    alone = all(shot.frames == 1 for shot in shots)
    work = Work(size=padding.padded, stages=STAGES, alone=alone, in_turn=True)
    plan = make_plan(models.vae, work, options.tiles, options.memory, reporter)
    return Restoration(
        job=Job(vae, options.tiles, clock, plan, alone),
        restorer=restorer,
        times=times,
        padding=padding,
        seed=options.transformer.seed,
        device=torch.device(device.torch_name),
        reporter=reporter,
        estimate=max(plan.bytes, takes) if plan else None,
    )


def as_plan(work: Restoration) -> dict[str, Any]:
    """The plan as the report shows it."""
    times = work.times
    return describe_plan(work.job, work.padding.padded, STAGES) | {
        "target": list(work.padding.size),
        "shots": [[shot.first, shot.frames, len(times.windows(shot))] for shot in times.shots],
        "window_frames": frames_of(_largest(times)),
        "shared_latents": times.share,
        "estimated_bytes": work.estimate,
    }


def upscaled(
    work: Restoration, source: MediaSource, owned: ExitStack, spec: OutputSpec, corrector: Corrector
) -> Iterator[Pixels]:
    """The restored pictures of a source, (n, H, W, 3), of spec's depth.

    It is read twice at once: a shot ahead for the encoder, and for the color of what is written. Latents lie
    on disk between the stages, beside the output.
    """
    folder = Path(tempfile.gettempdir()) if spec.final == STDOUT else spec.final.parent
    first = owned.enter_context(Ahead(owned.enter_context(source.reader())))
    frames = prepared(work, (frame.pixels for frame in first))
    references = prepared(work, source.read(owned, alpha=spec.alpha, size=work.padding.size))
    pace = _Pace(work)
    for shot in work.times.shots:
        with Shelf(folder) as latents, Shelf(folder) as results:
            for piece in encoded(work, shot, frames):
                latents.append(piece)
            for piece in restored(work, shot, latents):
                results.append(piece)
            pieces = (results.read(k, k + 1) for k in range(len(results)))
            yield from finished(
                work, decoded(work, shot, pieces), references, corrector, pixel_type(spec.depth)
            )
        pace.say(shot)


class _Pace:
    """Says now and then how long the rest will take at the pace of what is done."""

    def __init__(self, work: Restoration) -> None:
        self._work = work
        self._began = self._said = time.monotonic()

    def say(self, shot: Shot) -> None:
        """A shot is done."""
        work, now = self._work, time.monotonic()
        if shot.stop == work.frames or now - self._said < PACE_S:
            return
        self._said = now
        left = (now - self._began) / shot.stop * (work.frames - shot.stop)
        place = f"shot {work.times.shots.index(shot) + 1} of {len(work.times.shots)}"
        text = f"{place} is done, {shot.stop} of {work.frames} frames; about {say_seconds(left)} left"
        work.reporter.emit(Line("Time", text))


def _say_shape(padding: Padding, reporter: Reporter) -> None:
    (width, height), (wide, high) = padding.size, padding.padded
    padded = f", padded to {wide}x{high} for the model" if (width, height) != (wide, high) else ""
    reporter.emit(Line("Plan", f"target {width}x{height}{padded}"))


def _say_times(times: TimePlan, takes: int, reporter: Reporter) -> None:
    shots, units, frames = len(times.shots), len(times.units), times.shots[-1].stop
    what = f"{frames} frames, {shots} shots, {units} windows" if frames > 1 else "1 frame"
    parts = [what.replace(" 1 shots", " 1 shot").replace(" 1 windows", " 1 window")]
    if units > shots:
        parts.append(f"neighbours share {times.share} latents")
    largest = frames_of(_largest(times))
    parts.append(f"the largest of {largest} frames takes about {say_bytes(takes)} in the transformer")
    reporter.emit(Line("Plan", ", ".join(parts)))


def _largest(times: TimePlan) -> int:
    return max(unit.window.latents for unit in times.units)
