"""`decode`: a video or image through the VAE and back, or latents to frames."""

import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch

from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.pipeline.before_after import BeforeAfter
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.coded_memory import told
from seedvr2_cli.pipeline.keeping.clip import Decisions, KeptFrames, worth_keeping
from seedvr2_cli.pipeline.keeping.folder import Keeper, at_work, give_up
from seedvr2_cli.pipeline.keeping.frames import FrameStore
from seedvr2_cli.pipeline.keeping.identity import machine_facts, source_facts, weights_sha256
from seedvr2_cli.pipeline.keeping.room import again_when_room, check_need, need_of, say_need
from seedvr2_cli.pipeline.model import Model, ModelLoader, load_model
from seedvr2_cli.pipeline.opening import open_source
from seedvr2_cli.pipeline.options import DecodeOptions, as_settings
from seedvr2_cli.pipeline.output import choose_output
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import make_plan, say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sink import Sink, say_result, target, written
from seedvr2_cli.pipeline.sources import Source
from seedvr2_cli.plan.shots import GROUP
from seedvr2_cli.plan.slices import latent_count
from seedvr2_cli.vae.engine.plan import Wanted


def decode(
    options: DecodeOptions, listener: Reporter, load: ModelLoader = load_model, stop: Stop | None = None
) -> RunReport:
    """Run the command. load: how the model is had. stop: asked at the end of every segment that is kept.

    Raises the errors of `base.errors`, and KeyboardInterrupt where it was told to stop. Whatever ends it
    early leaves nothing under the output's name; of a long run, what was finished stays in its work folder,
    and the same call goes on there.
    """
    return again_when_room(
        lambda: _decode(options, listener, load, stop or Stop()), options.work.on_full, listener
    )


def _decode(options: DecodeOptions, listener: Reporter, load: ModelLoader, stop: Stop) -> RunReport:
    reporter = Recorder(listener)
    ffmpeg = describe(find_ffmpeg())
    source = open_source(options.input, ffmpeg, options.reading)
    reporter.emit(Line("Input", source.line))
    for remark in source.remarks:
        reporter.emit(Line("Input", remark, level=Level.WARNING))
    spec = choose_output(options, source, ffmpeg, reporter)
    compared = (
        BeforeAfter(options.compare, spec, source, overwrite=options.overwrite) if options.compare else None
    )
    model = load(options.model, reporter)
    source.check(model.vae)
    keeper = _keeper(options, source, spec, model, ffmpeg)
    with ExitStack() as owned:
        work = keeper.earlier(owned) if keeper else None
        decisions = Decisions.noted(work, model.vae.reach, options.memory.cache_folder)
        encodes = "encode" in source.stages
        wanted = Wanted(
            size=source.size, alone=source.still, encodes=encodes, decodes=True, way=decisions.way
        )
        plan = make_plan(model, wanted, options.tiles, options.memory, reporter)
        device = torch.device(model.device.torch_name)
        job = Job(told(model.vae, plan, reporter), options.tiles, StageClock(), plan, source.still, device)
        latents = None if source.total is None else latent_count(source.total, GROUP)
        keeps = not source.still and worth_keeping(latents, decisions.length)
        size = (source.template.width, source.template.height)
        frames = source.total or 0
        disk = need_of(spec, size, frames, frames if keeps or work else 0, longest=0)
        if source.total is not None and not source.still:
            say_need(disk, keeps, reporter)
        report = RunReport(
            command="decode",
            input=source.facts,
            settings=as_settings(options),
            device=model.facts(),
            plan=describe_plan(job, source.size, source.stages) | {"disk_bytes": asdict(disk)},
            warnings=reporter.warnings,
        )
        if options.memory.plan_only:
            return report
        began = time.perf_counter()
        if work is None:
            work = keeper.begun(owned) if keeper and keeps else None
            check_need(disk, work.folder if work else None, spec.final)
        owned.enter_context(at_work(work, stop, reporter))
        with PeakMemory(model.device) as peak:
            pictures = source.pictures(job, owned, spec)
            if work is not None:
                decisions.note(work, plan, source.total)
                store = FrameStore(work, spec, size, ffmpeg, job.clock)
                kept = KeptFrames(store, source.starts(decisions.length), stop, reporter)
                pictures = kept.pictures(partial(source.pictures, job, owned, spec))
            temporary = owned.enter_context(target(spec, overwrite=options.overwrite))
            sink = Sink(replace(spec, path=temporary), ffmpeg, job.clock, reporter, source)
            count = sink.write(pictures)
    if work is not None:
        give_up(work, written(spec))
    seconds = time.perf_counter() - began
    say_peak(plan.bytes if plan else None, peak.bytes, reporter)
    reporter.say_end(source.complaints(), say_result(spec, count, seconds), job.clock.stages)
    outputs = [spec.final]
    if compared is not None:
        with job.clock.stage("compare"):
            outputs.append(compared.write(count, ffmpeg, reporter))
        job.clock.count("compare", count)
    return replace(
        report,
        plan=report.plan
        | {"output": [spec.width, spec.height], "codec": spec.codec.name, "frames": count}
        | {"work_folder": str(work.folder) if work else None},
        stages=job.clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=tuple(str(path) for path in outputs),
    )


def _keeper(
    options: DecodeOptions, source: Source, spec: OutputSpec, model: Model, ffmpeg: FFmpeg
) -> Keeper | None:
    """Where the run would keep its segments; None for a picture, for a pipe, which cannot be read again, and
    for a plan alone."""
    piped = source.media is not None and source.media.piped
    if source.still or piped or options.memory.plan_only:
        return None

    def identity() -> dict[str, Any]:
        return {
            "command": "decode",
            "source": source_facts(source),
            "settings": {
                "tiles": as_settings(options.tiles),
                "reading": as_settings(options.reading),
                "depth": spec.depth,
                "int8_cache": options.memory.codes_memory,
            },
            "weights": {"vae": weights_sha256(model.path)},
        } | machine_facts(model.device, {"vae": model.arithmetic}, ffmpeg)

    return Keeper(spec.final, options.work, identity)
