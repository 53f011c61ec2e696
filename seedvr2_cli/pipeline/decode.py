"""`decode`: a video or image through the VAE and back, or latents to frames."""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.files import whole_file, whole_folder
from seedvr2_cli.base.units import say_bytes, say_number, say_seconds
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.sequence import numbered
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.pipeline.before_after import BeforeAfter
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.lanes import Behind
from seedvr2_cli.pipeline.model import ModelLoader, load_model
from seedvr2_cli.pipeline.options import DecodeOptions, as_settings
from seedvr2_cli.pipeline.output import choose_output, first_time, pad_to
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import make_plan, say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sources import Source, open_source


def decode(options: DecodeOptions, listener: Reporter, load: ModelLoader = load_model) -> RunReport:
    """Run the command. load: how the model is had. Raises the errors of `base.errors`.

    Whatever ends it early leaves nothing under the output's name.
    """
    reporter = Recorder(listener)
    ffmpeg = describe(find_ffmpeg())
    source = open_source(options.input, ffmpeg, options.reading)
    reporter.emit(Line("Input", source.line))
    spec = choose_output(options, source, ffmpeg, reporter)
    compared = (
        BeforeAfter(options.compare, spec, source, overwrite=options.overwrite) if options.compare else None
    )
    model = load(options.model, reporter)
    source.check(model.vae)
    plan = make_plan(model, source, source.stages, options, reporter)
    job = Job(model.vae, options.tiles, StageClock(), plan, source.still)
    report = RunReport(
        command="decode",
        input=source.facts,
        settings=as_settings(options),
        device=model.facts(),
        plan=describe_plan(job, (source.template.width, source.template.height), source.stages),
        warnings=reporter.warnings,
    )
    if options.memory.plan_only:
        return report
    began = time.perf_counter()
    with PeakMemory(model.device) as peak, ExitStack() as owned:
        temporary = owned.enter_context(_target(spec, overwrite=options.overwrite))
        sink = _Sink(replace(spec, path=temporary), ffmpeg, job.clock, reporter, source)
        count = sink.write(source.pictures(job, owned, spec))
    seconds = time.perf_counter() - began
    say_peak(plan, peak.bytes, reporter)
    reporter.say_end(source.complaints(), _say_result(spec, count, seconds), job.clock.stages)
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


def _target(spec: OutputSpec, *, overwrite: bool) -> AbstractContextManager[Path]:
    """The path to write to: a temporary one, or stdout."""
    if spec.final == STDOUT:
        return nullcontext(STDOUT)
    return _folder_of(spec) if spec.sequence else whole_file(spec.final, overwrite=overwrite)


@contextmanager
def _folder_of(spec: OutputSpec) -> Iterator[Path]:
    with whole_folder(spec.final.parent) as temporary:
        yield temporary / spec.final.name


class _Sink:
    """Writes the pictures of a job and tells how far it is."""

    def __init__(
        self, spec: OutputSpec, ffmpeg: FFmpeg, clock: StageClock, reporter: Reporter, source: Source
    ) -> None:
        self._spec, self._ffmpeg, self._source = spec, ffmpeg, source
        self._clock, self._reporter = clock, reporter

    def write(self, batches: Iterable[Pixels]) -> int:
        """Write every picture; the file is whole when this returns their number."""
        count = 0
        steady, begin = self._spec.container.steady, first_time(self._source)
        with FrameWriter(self._spec, self._ffmpeg) as writer, Behind(writer.write) as lane:
            for batch in batches:
                with self._clock.stage("write"):
                    for picture in pad_to(batch, self._spec.width, self._spec.height):
                        pixels, time = self._source.beside.take(picture)
                        lane.put((pixels, None if time is None or steady else time - begin))
                        count += 1
                self._clock.count("write", count)
                self._reporter.emit(Progress("Decode", count, self._source.total))
            with self._clock.stage("write"):
                lane.finish()
                writer.finish()
        return count


def _bytes(spec: OutputSpec) -> int:
    if not spec.sequence:
        return spec.final.stat().st_size
    return sum(path.stat().st_size for path in numbered(spec.final))


def _say_result(spec: OutputSpec, count: int, seconds: float) -> str:
    size = "to a pipe" if spec.final == STDOUT else say_bytes(_bytes(spec))
    frames = f"{count} frames" if count > 1 else "1 frame"
    rate = say_number(count / seconds)
    held = f"{frames} of {spec.width}x{spec.height}, {size}"
    return f"{spec.final}: {held}, in {say_seconds(seconds)} ({rate} fps)"
