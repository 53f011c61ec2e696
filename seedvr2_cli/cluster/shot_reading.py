"""A source's pictures shot by shot, in any order: sought by time where that can be done."""

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import cached_property
from itertools import islice

from seedvr2_cli.base.choices import OnError
from seedvr2_cli.media.cut import Cut
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.probe import frame_times
from seedvr2_cli.media.reader import FrameReader, Pixels, Reading
from seedvr2_cli.pipeline.keeping.frames import crc32_of
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.plan.shots import Shot


class ShotReading:
    """Reads one shot. crcs: the CRC-32 of each picture that was given.

    exact: read from the film's beginning, whatever that takes: a damaged index, or frames that stand
    elsewhere than their rate says, can lead elsewhere, which the checksums then show.
    """

    def __init__(
        self, source: MediaSource, shot: Shot, ffmpeg: FFmpeg, owned: ExitStack, *, alpha: bool, exact: bool
    ) -> None:
        self._shot = shot
        self._source, self._ffmpeg, self._owned = source, ffmpeg, owned
        self._alpha, self._exact = alpha, exact
        self.crcs: list[int] = []

    def since(self, first: int) -> Iterator[Pixels]:
        """The pictures of the shot, which begins at `first`."""
        assert first == self._shot.first
        return self._pictures(self._shot)

    def _pictures(self, shot: Shot) -> Iterator[Pixels]:
        start = None if self._exact else self._start(shot)
        cut = self._source.cut if start is None else Cut(start=start, frames=shot.frames)
        options = self._source.options
        reading = Reading(
            cut=cut,
            deinterlace=bool(options.deinterlace),
            alpha=self._alpha,
            keep=options.on_error is OnError.KEEP,
        )
        frames = iter(self._owned.enter_context(FrameReader(self._source.info, self._ffmpeg, reading)))
        if start is None:
            deque(islice(frames, shot.first), maxlen=0)
        for frame in islice(frames, shot.frames):
            self.crcs.append(crc32_of(frame.pixels))
            yield frame.pixels

    def _start(self, shot: Shot) -> Fraction | None:
        """When a shot's first frame stands; None where that is not known."""
        video, cut = self._source.info.video, self._source.cut
        if self._source.info.pictures or not video.rate:
            return None
        if not video.variable_rate:
            return cut.first(video) + shot.first / video.rate
        times = [time for time in self._times if cut.holds(time)]
        return times[shot.first] if shot.first < len(times) else None

    @cached_property
    def _times(self) -> list[Fraction]:
        return frame_times(self._source.info)
