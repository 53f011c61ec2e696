"""`upscale`: a video or image is restored at a larger size."""

import time
from contextlib import ExitStack
from dataclasses import replace

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.ledger.work_folder import remove_folder
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.pipeline.before_after import BeforeAfter
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.keeping.frames import FrameStore
from seedvr2_cli.pipeline.latents import is_latent_file
from seedvr2_cli.pipeline.options import UpscaleOptions, as_settings
from seedvr2_cli.pipeline.output import choose_output
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.sink import Sink, say_result, target
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscale_latents import upscale_latents
from seedvr2_cli.pipeline.upscaling.film import upscaled
from seedvr2_cli.pipeline.upscaling.keeping import earlier_work, keep_decisions, say_kept, worth_keeping
from seedvr2_cli.pipeline.upscaling.kept import KeptFilm
from seedvr2_cli.pipeline.upscaling.keys import PLAN
from seedvr2_cli.pipeline.upscaling.models import ModelsLoader, load_models
from seedvr2_cli.pipeline.upscaling.notes import noted_times
from seedvr2_cli.pipeline.upscaling.task import Task, decide
from seedvr2_cli.pipeline.upscaling.times import check_readable, choose_cutter, film_shots
from seedvr2_cli.plan.padding import padding_of

WORD = "upscaled"


def upscale(options: UpscaleOptions, listener: Reporter, load: ModelsLoader = load_models) -> RunReport:
    """Run the command. load: how the models are had. Raises the errors of `base.errors`.

    Whatever ends it early leaves nothing under the output's name; of a long run, what was finished stays in
    its work folder, and the same call goes on there.
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
    task = Task(options, source, spec, padding, models, ffmpeg)
    with ExitStack() as owned:
        work = earlier_work(task, owned)
        note = work.note(PLAN) if work else {}
        shots = noted_times(note).shots if note else film_shots(source, cutter, reporter, clock)
        decided = decide(task, shots, note, clock, reporter)
        report = RunReport(
            command="upscale",
            input=source.facts,
            settings=as_settings(options),
            device=models.vae.facts(),
            plan=decided.describe(),
            warnings=reporter.warnings,
            facts={"transformer": models.restorer.facts()},
        )
        if options.memory.plan_only:
            return report
        began, scale = time.perf_counter(), padding.size[0] / own[0]
        color = Corrector(method=options.color.method, strength=options.color.strength, scale=scale)
        work = work or worth_keeping(task, decided, owned)
        with PeakMemory(models.vae.device) as peak:
            temporary = owned.enter_context(target(spec, overwrite=options.overwrite))
            if work is None:
                pictures = upscaled(decided.film, decided.restoration, source, owned, spec, color)
            else:
                keep_decisions(work, decided)
                store = FrameStore(work, spec, padding.size, ffmpeg, clock)
                length = work.note(PLAN)["segment"]
                kept = KeptFilm(decided.film, decided.restoration, source, color, work, store, length, Stop())
                say_kept(kept, reporter)
                pictures = kept.pictures(owned)
            count = Sink(replace(spec, path=temporary), ffmpeg, clock, reporter, source).write(pictures)
    if work is not None:
        remove_folder(work.folder)
    seconds = time.perf_counter() - began
    say_peak(decided.estimate, peak.bytes, reporter)
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
