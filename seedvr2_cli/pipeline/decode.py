"""`decode`: a video or image through the VAE and back, or latents to frames."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace

from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.files import whole_file
from seedvr2_cli.base.units import say_bytes, say_number, say_seconds
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.pipeline.before_after import BeforeAfter
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.model import ModelLoader, load_model
from seedvr2_cli.pipeline.options import DecodeOptions, as_settings
from seedvr2_cli.pipeline.output import choose_output, pad_to
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sources import open_source


def decode(options: DecodeOptions, listener: Reporter, load: ModelLoader = load_model) -> RunReport:
    """Run the command. load: how the model is had. Raises the errors of `base.errors`.

    Whatever ends it early leaves nothing under the output's name.
    """
    reporter = Recorder(listener)
    ffmpeg = describe(find_ffmpeg())
    source = open_source(options.input, ffmpeg)
    reporter.emit(Line("Input", source.line))
    spec = choose_output(options, source.template, reporter, still=source.still)
    compared = BeforeAfter(options.compare, spec, overwrite=options.overwrite) if options.compare else None
    model = load(options.model, reporter)
    source.check(model.vae)
    job = Job(model.vae, options.tiles, StageClock())
    began = time.perf_counter()
    with PeakMemory(model.device) as peak, ExitStack() as owned:
        temporary = owned.enter_context(whole_file(spec.final, overwrite=options.overwrite))
        sink = _Sink(replace(spec, path=temporary), ffmpeg, job.clock, reporter, source.total)
        count = sink.write(source.pictures(job, owned))
    seconds = time.perf_counter() - began
    reporter.say_end(source.complaints(), _say_result(spec, count, seconds), job.clock.stages)
    outputs = [spec.final]
    if compared is not None:
        with job.clock.stage("compare"):
            outputs.append(compared.write(count, ffmpeg, reporter))
        job.clock.count("compare", count)
    return RunReport(
        command="decode",
        input=source.facts,
        settings=as_settings(options),
        device=model.facts(),
        plan=describe_plan(job, (source.template.width, source.template.height), source.stages)
        | {"output": [spec.width, spec.height], "codec": spec.codec.name, "frames": count},
        stages=job.clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=tuple(str(path) for path in outputs),
    )


class _Sink:
    """Writes the pictures of a job and tells how far it is."""

    def __init__(
        self, spec: OutputSpec, ffmpeg: FFmpeg, clock: StageClock, reporter: Reporter, total: int | None
    ) -> None:
        self._spec, self._ffmpeg = spec, ffmpeg
        self._clock, self._reporter, self._total = clock, reporter, total

    def write(self, batches: Iterable[Pixels]) -> int:
        """Write every picture; the file is whole when this returns their number."""
        count = 0
        with FrameWriter(self._spec, self._ffmpeg) as writer:
            for batch in batches:
                with self._clock.stage("write"):
                    for picture in pad_to(batch, self._spec.width, self._spec.height):
                        writer.write(picture)
                        count += 1
                self._clock.count("write", count)
                self._reporter.emit(Progress("Decode", count, self._total))
            with self._clock.stage("write"):
                writer.finish()
        return count


def _say_result(spec: OutputSpec, count: int, seconds: float) -> str:
    size = say_bytes(spec.final.stat().st_size)
    frames = f"{count} frames" if count > 1 else "1 frame"
    rate = say_number(count / seconds)
    held = f"{frames} of {spec.width}x{spec.height}, {size}"
    return f"{spec.final}: {held}, in {say_seconds(seconds)} ({rate} fps)"
