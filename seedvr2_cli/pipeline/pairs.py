"""Two files read in step: pairs of frames, and what is odd about comparing them. No torch."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest

from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.media.reader import Frame, FrameReader, Pixels

NEAR = Fraction(1, 1000)  # seconds: what Matroska rounds stamps to

Files = tuple[MediaInfo, MediaInfo]


@dataclass(frozen=True, eq=False)
class Pair:
    """One frame of both files. time: seconds after the first frame of the first file."""

    index: int
    time: Fraction
    a: Pixels
    b: Pixels


class Pairs:
    """The frames of two files in step. Each iteration reads them anew, to the end of both.

    counts: the frames of each, known once an iteration has come to its end; complaints likewise.
    apart: the first pair whose times after the first frame differ, as (index, seconds in a, in b).
    """

    def __init__(self, files: Files, ffmpeg: FFmpeg) -> None:
        self.files, self.ffmpeg = files, ffmpeg
        self.counts = (0, 0)
        self.apart: tuple[int, Fraction, Fraction] | None = None
        self.complaints: tuple[str, ...] = ()

    @property
    def total(self) -> int | None:
        """The pairs to come, None where not known."""
        counts = [1 if info.still else info.video.frames for info in self.files]
        return None if None in counts else min(count for count in counts if count is not None)

    def __iter__(self) -> Generator[Pair, None, None]:
        """Yield what both have. Raises MediaError where one gives no more frames than it should have."""
        counts = [0, 0]
        with ExitStack() as owned:
            readers = [owned.enter_context(FrameReader(info, self.ffmpeg)) for info in self.files]
            for a, b in zip_longest(*readers):
                counts = [count + (frame is not None) for count, frame in zip(counts, (a, b), strict=True)]
                if a is not None and b is not None:
                    self._look_at_times(a, b)
                    yield Pair(a.index, a.time, a.pixels, b.pixels)
            self.counts = (counts[0], counts[1])
            self.complaints = tuple(
                f"{info.path.name}: {text}"
                for info, reader in zip(self.files, readers, strict=True)
                for text in reader.complaints
            )

    def _look_at_times(self, a: Frame, b: Frame) -> None:
        if self.apart is None and abs(a.time - b.time) > NEAR:
            self.apart = (a.index, a.time, b.time)


def doubts(pairs: Pairs) -> Iterator[str]:
    """What is odd about comparing these two: other counts of frames, other time stamps."""
    (a, b), (count_a, count_b) = pairs.files, pairs.counts
    if count_a != count_b:
        yield f"A has {count_a} frames, B {count_b}: the first {min(count_a, count_b)} are compared"
    if a.still or b.still:
        return
    start_a, start_b = a.video.start, b.video.start
    if abs(start_a - start_b) > NEAR:
        yield f"the first frame stands at {_say_time(start_a)} in A, at {_say_time(start_b)} in B"
    if pairs.apart is not None:
        index, time_a, time_b = pairs.apart
        places = f"{_say_time(time_a)} after the first in A, {_say_time(time_b)} in B"
        yield f"time stamps differ from frame {index} on: {places}"


def _say_time(seconds: Fraction) -> str:
    return f"{float(seconds):.3f} s"
