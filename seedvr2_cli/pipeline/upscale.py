"""`upscale`: a video or image is restored at a larger size."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.pipeline.before_after import BeforeAfter
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.latents import is_latent_file
from seedvr2_cli.pipeline.options import UpscaleOptions, as_settings
from seedvr2_cli.pipeline.output import choose_output
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import Work, budget_of, make_plan, say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sink import Sink, say_result, target
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscale_latents import upscale_latents
from seedvr2_cli.pipeline.upscaling.film import upscaled
from seedvr2_cli.pipeline.upscaling.models import Models, ModelsLoader, load_models
from seedvr2_cli.pipeline.upscaling.stages import Film, Restoration
from seedvr2_cli.pipeline.upscaling.times import (
    check_readable,
    choose_cutter,
    describe_times,
    film_shots,
    largest,
    say_target,
    say_times,
    time_plan,
    window_budget,
)
from seedvr2_cli.plan.padding import Padding, padding_of
from seedvr2_cli.plan.shots import Shot

WORD = "upscaled"
STAGES = ("encode", "decode")


def upscale(options: UpscaleOptions, listener: Reporter, load: ModelsLoader = load_models) -> RunReport:
    """Run the command. load: how the models are had. Raises the errors of `base.errors`.

    Whatever ends it early leaves nothing under the output's name.
    """
    if is_latent_file(options.input):
        return upscale_latents(options, listener)
    reporter, clock = Recorder(listener), StageClock()
    ffmpeg = describe(find_ffmpeg())
    source = MediaSource(options.input, ffmpeg, options.reading)
    reporter.emit(Line("Input", source.line))
    check_readable(source)
    own = (source.template.width, source.template.height)
    padding = padding_of(options.target.size_of(own), options.pad)
    spec = choose_output(options, source, ffmpeg, reporter, WORD, padding.size)
    compared = (
        BeforeAfter(options.compare, spec, source, overwrite=options.overwrite) if options.compare else None
    )
    cutter = choose_cutter(source, options.time)
    models = load(options.model, options.transformer, reporter)
    shots = film_shots(source, cutter, reporter, clock)
    work = _plan(options, models, padding, shots, clock, reporter)
    report = RunReport(
        command="upscale",
        input=source.facts,
        settings=as_settings(options),
        device=models.vae.facts(),
        plan=describe_plan(work.film.job, padding.padded, STAGES)
        | {"target": list(padding.size), "estimated_bytes": work.estimate}
        | describe_times(work.restoration.times),
        warnings=reporter.warnings,
        facts={"transformer": models.restorer.facts()},
    )
    if options.memory.plan_only:
        return report
    color = Corrector(
        method=options.color.method, strength=options.color.strength, scale=padding.size[0] / own[0]
    )
    began = time.perf_counter()
    with PeakMemory(models.vae.device) as peak, ExitStack() as owned:
        temporary = owned.enter_context(target(spec, overwrite=options.overwrite))
        pictures = upscaled(work.film, work.restoration, source, owned, spec, color)
        count = Sink(replace(spec, path=temporary), ffmpeg, clock, reporter, source).write(pictures)
    seconds = time.perf_counter() - began
    say_peak(work.estimate, peak.bytes, reporter)
    reporter.say_end(source.complaints(), say_result(spec, count, seconds), clock.stages)
    outputs = [spec.final]
    if compared is not None:
        with clock.stage("compare"):
            outputs.append(compared.write(count, ffmpeg, reporter))
        clock.count("compare", count)
    return replace(
        report,
        plan=report.plan | {"output": [spec.width, spec.height], "codec": spec.codec.name, "frames": count},
        stages=clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=tuple(str(path) for path in outputs),
    )


@dataclass(frozen=True)
class _Work:
    """What is to be done. estimate: bytes above the models as loaded, None where not known."""

    film: Film
    restoration: Restoration
    estimate: int | None


def _plan(
    options: UpscaleOptions,
    models: Models,
    padding: Padding,
    shots: tuple[Shot, ...],
    clock: StageClock,
    reporter: Reporter,
) -> _Work:
    """Windows, then the VAE's way, then the weights that may stay in what is left; each said in a line.

    Raises UsageError and DeviceError.
    """
    say_target(padding, reporter)
    vae, device, restorer = models.vae.vae, models.vae.device, models.restorer
    width, height = (side // vae.config.spatial_factor for side in padding.padded)
    times = time_plan(shots, options.time, restorer, (height, width), window_budget(options.memory, device))
    takes = restorer.window_bytes((largest(times), height, width))
    say_times(times, takes, reporter)
    alone = all(shot.frames == 1 for shot in shots)
    needs = Work(size=padding.padded, stages=STAGES, alone=alone, in_turn=True)
    plan = make_plan(models.vae, needs, options.tiles, options.memory, reporter)
    budget, most = budget_of(options.memory, device), max(plan.bytes, takes) if plan else takes
    settled = restorer.settle(None if budget is None else budget - most, len(times.units), reporter)
    job = Job(vae, options.tiles, clock, plan, alone, torch.device(device.torch_name))
    seed, factor = options.transformer.seed, vae.config.scaling_factor
    return _Work(
        Film(job, shots, padding, reporter),
        Restoration(restorer, times, seed, factor, clock, reporter),
        settled.kept + max(plan.bytes, takes + settled.passing) if plan else None,
    )
