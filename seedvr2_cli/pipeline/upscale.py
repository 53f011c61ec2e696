"""`upscale`: a video or image is restored at a larger size."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.ledger.work_folder import (
    WorkFolder,
    is_work_folder,
    open_folder,
    remove_folder,
    settle_manifest,
)
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.writer import OutputSpec
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
from seedvr2_cli.pipeline.upscaling.identity import identity, noted_times, noted_way, plan_note
from seedvr2_cli.pipeline.upscaling.kept import KeptFilm
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
from seedvr2_cli.vae.engine.way import Way

WORD = "upscaled"
STAGES = ("encode", "decode")
PLAN = "plan"  # the key of its note in a work folder
KEPT_FROM = 4  # windows of a run that keeps what is finished unasked


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
    task = _Task(options, source, spec, padding, models, ffmpeg)
    with ExitStack() as owned:
        kept = _open_work(task, owned)
        note = kept.note(PLAN) if kept else {}
        shots = noted_times(note).shots if note else film_shots(source, cutter, reporter, clock)
        work = _plan(task, shots, note, clock, reporter)
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
        if kept is None and work.long and _work_folder(task) is not None:
            kept = _begin_work(task, owned)
        if kept is not None and not note:
            kept.add_note(PLAN, plan_note(work.restoration.times, work.way))
        scale = padding.size[0] / own[0]
        color = Corrector(method=options.color.method, strength=options.color.strength, scale=scale)
        began = time.perf_counter()
        with PeakMemory(models.vae.device) as peak:
            temporary = owned.enter_context(target(spec, overwrite=options.overwrite))
            if kept is None:
                pictures = upscaled(work.film, work.restoration, source, owned, spec, color)
            else:
                film = KeptFilm(work.film, work.restoration, source, spec, color, ffmpeg, kept)
                _say_kept(film, reporter)
                pictures = film.pictures(owned)
            stage = "Decode" if kept is None else "Write"
            sink = Sink(replace(spec, path=temporary), ffmpeg, clock, reporter, source, stage)
            count = sink.write(pictures)
    if kept is not None:
        remove_folder(kept.folder)
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
class _Task:
    """What was asked for, and what it is done with."""

    options: UpscaleOptions
    source: MediaSource
    spec: OutputSpec
    padding: Padding
    models: Models
    ffmpeg: FFmpeg


def _work_folder(task: _Task) -> Path | None:
    """Where finished units are kept, if anywhere: a picture is none, and stdout has no folder of its own."""
    if task.source.still:
        return None
    given, final = task.options.work.folder, task.spec.final
    return given or (None if final == STDOUT else final.with_name(f"{final.name}.work"))


def _open_work(task: _Task, owned: ExitStack) -> WorkFolder | None:
    """The work folder, where there is one already, or one was asked for."""
    folder, options = _work_folder(task), task.options
    if folder is None or not (is_work_folder(folder) or options.work.folder) or options.memory.plan_only:
        return None
    return _begin_work(task, owned)


def _begin_work(task: _Task, owned: ExitStack) -> WorkFolder:
    """The work folder, which is this run's from now on. Raises UsageError where it is another run's."""
    folder = _work_folder(task)
    assert folder is not None
    work = owned.enter_context(open_folder(folder, restart=task.options.work.restart))
    values = identity(task.options, task.source, task.models, task.spec.depth, task.ffmpeg)
    settle_manifest(folder, values)
    return work


def _say_kept(film: KeptFilm, reporter: Reporter) -> None:
    shots, windows = film.count_done()
    of = (len(film.film.shots), len(film.restoration.times.units))
    text = f"{film.work.folder}: {shots} of {of[0]} shots and {windows} of {of[1]} windows are there"
    reporter.emit(Line("Resume" if windows else "Work", text if windows else f"kept in {film.work.folder}"))


@dataclass(frozen=True)
class _Work:
    """What is to be done. estimate: bytes above the models as loaded, None where not known. way: the VAE's,
    None for a model that has but one. long: worth keeping what is finished."""

    film: Film
    restoration: Restoration
    estimate: int | None
    way: Way | None

    @property
    def long(self) -> bool:
        return len(self.restoration.times.units) >= KEPT_FROM


def _plan(
    task: _Task, shots: tuple[Shot, ...], note: dict[str, Any], clock: StageClock, reporter: Reporter
) -> _Work:
    """Windows, then the VAE's way, then the weights that may stay in what is left; each said in a line.

    note: of a run that goes on. Raises UsageError and DeviceError.
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
    needs = Work(size=padding.padded, stages=STAGES, alone=alone, in_turn=True, way=way)
    plan = make_plan(models.vae, needs, options.tiles, options.memory, reporter)
    room, most = budget_of(options.memory, device), max(plan.bytes, takes) if plan else takes
    settled = restorer.settle(None if room is None else room - most, len(times.units), reporter)
    job = Job(vae, options.tiles, clock, plan, alone, torch.device(device.torch_name))
    seed, factor = options.transformer.seed, vae.config.scaling_factor
    return _Work(
        Film(job, shots, padding, reporter),
        Restoration(restorer, times, seed, factor, clock, reporter),
        settled.kept + max(plan.bytes, takes + settled.passing) if plan else None,
        plan.way if plan else None,
    )
