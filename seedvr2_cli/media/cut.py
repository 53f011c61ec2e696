"""Which frames of a film are kept. Light: options hold it."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from seedvr2_cli.media.info import VideoStream


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What of a film is read: the frames from `start` on and before `end` (seconds after its first frame),
    at most `frames` of them."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None
    frames: int | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is cut off."""
        return self == Cut()

    def holds(self, time: Fraction) -> bool:
        """Whether a frame that stands at `time` is kept, but for the number of frames."""
        return self.start <= time and not self.ends(time)

    def ends(self, time: Fraction) -> bool:
        """Whether `time` is beyond the end."""
        return self.end is not None and time >= self.end

    def first(self, video: VideoStream) -> Fraction:
        """When the first frame that is kept stands, at the earliest: on the grid of a constant rate."""
        if video.variable_rate or not video.rate:
            return self.start
        return ceil(self.start * video.rate) / video.rate

    def count(self, video: VideoStream) -> int | None:
        """How many frames are kept, None where that is not known before they are read."""
        if self.whole:
            return video.frames
        if video.variable_rate or video.frames is None:
            return None
        stop = video.frames if self.end is None else min(video.frames, ceil(self.end * video.rate))
        kept = max(0, stop - ceil(self.start * video.rate))
        return kept if self.frames is None else min(kept, self.frames)
