"""`upscale`: a video or image is restored at a larger size."""

import time
from collections import deque
from contextlib import ExitStack
from dataclasses import asdict, replace

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.pipeline.before_after import BeforeAfter
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.keeping.folder import at_work, give_up
from seedvr2_cli.pipeline.keeping.room import again_when_room, check_need
from seedvr2_cli.pipeline.latents import is_latent_file
from seedvr2_cli.pipeline.options import UpscaleOptions, as_settings
from seedvr2_cli.pipeline.output import choose_output
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import say_peak
from seedvr2_cli.pipeline.preview import Preview, remove_earlier
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.sink import Sink, say_result, target, written
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscale_latents import upscale_latents
from seedvr2_cli.pipeline.upscaling.film import upscaled
from seedvr2_cli.pipeline.upscaling.foretell import foretell
from seedvr2_cli.pipeline.upscaling.keeping import (
    disk_plan,
    keeper_of,
    kept_film,
    say_kept,
    say_until,
    worth_keeping,
)
from seedvr2_cli.pipeline.upscaling.kept import Others
from seedvr2_cli.pipeline.upscaling.keys import PLAN
from seedvr2_cli.pipeline.upscaling.models import ModelsLoader, load_models
from seedvr2_cli.pipeline.upscaling.notes import noted_times
from seedvr2_cli.pipeline.upscaling.task import Task, decide
from seedvr2_cli.pipeline.upscaling.times import check_readable, choose_cutter, film_shots, frames_before
from seedvr2_cli.plan.padding import padding_of

WORD = "upscaled"


def upscale(
    options: UpscaleOptions,
    listener: Reporter,
    load: ModelsLoader = load_models,
    stop: Stop | None = None,
    others: Others | None = None,
) -> RunReport:
    """Run the command. load: how the models are had. stop: asked at the end of every unit that is kept.
    others: who makes the shots, None: this process.

    Raises the errors of `base.errors`, and KeyboardInterrupt where it was told to stop.

    Whatever ends it early leaves nothing under the output's name; of a long run, what was finished stays in
    its work folder, and the same call goes on there.
    """

    def run() -> RunReport:
        if is_latent_file(options.input):
            return upscale_latents(options, listener, stop=stop)
        return _upscale(options, listener, load, stop or Stop(), others)

    return again_when_room(run, options.work.on_full, listener)


def _upscale(
    options: UpscaleOptions, listener: Reporter, load: ModelsLoader, stop: Stop, others: Others | None
) -> RunReport:
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
    preview = Preview(spec, padding.size, ffmpeg, reporter) if options.preview else None
    cutter = choose_cutter(source, options.time)
    models = load(options.model, options.transformer, reporter)
    task = Task(options, source, spec, padding, models, ffmpeg)
    with ExitStack() as owned:
        keeper = None if options.memory.plan_only else keeper_of(task)
        work = keeper.earlier(owned) if keeper else None
        note = work.note(PLAN) if work else {}
        shots = noted_times(note).shots if note else film_shots(source, cutter, reporter, clock)
        decided = decide(task, shots, note, clock, reporter)
        disk = disk_plan(task, decided, work, reporter)
        report = RunReport(
            command="upscale",
            input=source.facts,
            settings=as_settings(options),
            device=models.vae.facts(),
            plan=decided.describe() | {"disk_bytes": asdict(disk)},
            warnings=reporter.warnings,
            facts={"transformer": models.restorer.facts()},
        )
        if options.memory.plan_only:
            place = keeper_of(task)
            foretold = foretell(shots, place.folder if place else None, reporter)
            return replace(report, plan=report.plan | foretold)
        began, scale = time.perf_counter(), padding.size[0] / own[0]
        color = Corrector(method=options.color.method, strength=options.color.strength, scale=scale)
        work = work or worth_keeping(task, decided, owned, needed=others is not None)
        kept = replace(kept_film(task, decided, color, work, stop), others=others) if work else None
        check_need(disk, kept.work.folder if kept else None, spec.final)
        owned.enter_context(at_work(work, stop, reporter))
        # where others have the models, what this process takes is its own memory
        with PeakMemory(replace(models.vae.device, kind="cpu") if others else models.vae.device) as peak:
            until = shots[-1].stop
            if kept is None:
                pictures = upscaled(decided.film, decided.restoration, source, owned, spec, color)
            else:
                say_kept(kept, reporter)
                until = min(until, frames_before(source, options.until)) if options.until else until
                pictures = kept.pictures(owned, until if until < shots[-1].stop else None)
            pictures = preview.passing(pictures, owned, work) if preview else pictures
            if kept and until < shots[-1].stop:
                deque(pictures, maxlen=0)
                say_until(kept, reporter)
                return replace(report, stages=clock.stages, warnings=reporter.warnings)
            temporary = owned.enter_context(target(spec, overwrite=options.overwrite))
            count = Sink(replace(spec, path=temporary), ffmpeg, clock, reporter, source).write(pictures)
    if work is not None:
        remove_earlier(work, spec.final)
        give_up(work, written(spec))
    if preview is not None:
        preview.remove()
    seconds = time.perf_counter() - began
    say_peak(None if others else decided.estimate, peak.bytes, reporter)
    reporter.say_end(source.complaints(), say_result(spec, count, seconds), clock.stages)
    outputs = [spec.final]
    if compared is not None:
        with clock.stage("compare"):
            outputs.append(compared.write(count, ffmpeg, reporter))
        clock.count("compare", count)
    output = {"output": [spec.width, spec.height], "codec": spec.codec.name, "frames": count}
    return replace(
        report,
        plan=report.plan | output | {"work_folder": str(work.folder) if work else None},
        stages=clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=tuple(str(path) for path in outputs),
    )
