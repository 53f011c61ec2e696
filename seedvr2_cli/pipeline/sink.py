"""Where the pictures of a job go: the temporary target, the writer, and what is said of the result."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from seedvr2_cli.base.events import Progress, Reporter
from seedvr2_cli.base.files import whole_file, whole_folder
from seedvr2_cli.base.units import say_bytes, say_number, say_seconds
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.sequence import numbered
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.lanes import Behind
from seedvr2_cli.pipeline.output import first_time, pad_to
from seedvr2_cli.pipeline.sources import Source


def target(spec: OutputSpec, *, overwrite: bool) -> AbstractContextManager[Path]:
    """The path to write to: a temporary one, or stdout."""
    if spec.final == STDOUT:
        return nullcontext(STDOUT)
    return _folder_of(spec) if spec.sequence else whole_file(spec.final, overwrite=overwrite)


@contextmanager
def _folder_of(spec: OutputSpec) -> Iterator[Path]:
    with whole_folder(spec.final.parent) as temporary:
        yield temporary / spec.final.name


class Sink:
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


def written(spec: OutputSpec) -> tuple[Path, ...]:
    """The files of an output that is whole."""
    if spec.final == STDOUT:
        return ()
    return tuple(numbered(spec.final)) if spec.sequence else (spec.final,)


def say_result(spec: OutputSpec, count: int, seconds: float) -> str:
    """What came out, in words: name, frames, size, and how long it took."""
    size = (
        "to a pipe" if spec.final == STDOUT else say_bytes(sum(path.stat().st_size for path in written(spec)))
    )
    frames = f"{count} frames" if count > 1 else "1 frame"
    rate = say_number(count / seconds)
    held = f"{frames} of {spec.width}x{spec.height}, {size}"
    return f"{spec.final}: {held}, in {say_seconds(seconds)} ({rate} fps)"
