"""`decode`: a video or image through the VAE and back, or latents to frames."""

import time
from contextlib import ExitStack
from dataclasses import replace

import torch

from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.pipeline.before_after import BeforeAfter
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.model import ModelLoader, load_model
from seedvr2_cli.pipeline.opening import open_source
from seedvr2_cli.pipeline.options import DecodeOptions, as_settings
from seedvr2_cli.pipeline.output import choose_output
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import make_plan, say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sink import Sink, say_result, target
from seedvr2_cli.vae.engine.plan import Wanted


def decode(options: DecodeOptions, listener: Reporter, load: ModelLoader = load_model) -> RunReport:
    """Run the command. load: how the model is had. Raises the errors of `base.errors`.

    Whatever ends it early leaves nothing under the output's name.
    """
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
    encodes = "encode" in source.stages
    wanted = Wanted(size=source.size, alone=source.still, encodes=encodes, decodes=True)
    plan = make_plan(model, wanted, options.tiles, options.memory, reporter)
    device = torch.device(model.device.torch_name)
    job = Job(model.vae, options.tiles, StageClock(), plan, source.still, device)
    report = RunReport(
        command="decode",
        input=source.facts,
        settings=as_settings(options),
        device=model.facts(),
        plan=describe_plan(job, source.size, source.stages),
        warnings=reporter.warnings,
    )
    if options.memory.plan_only:
        return report
    began = time.perf_counter()
    with PeakMemory(model.device) as peak, ExitStack() as owned:
        temporary = owned.enter_context(target(spec, overwrite=options.overwrite))
        sink = Sink(replace(spec, path=temporary), ffmpeg, job.clock, reporter, source)
        count = sink.write(source.pictures(job, owned, spec))
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
        plan=report.plan | {"output": [spec.width, spec.height], "codec": spec.codec.name, "frames": count},
        stages=job.clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=tuple(str(path) for path in outputs),
    )
