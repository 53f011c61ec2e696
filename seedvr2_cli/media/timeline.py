"""When frames stand on the clock of their film: on the exact grid, or as stamped."""

from fractions import Fraction

from seedvr2_cli.media.info import VideoStream
from seedvr2_cli.media.timing import DEFAULT_RATE


class Timeline:
    """Places the frames of a film, one after the other: on the exact grid where the rate is constant.

    odd: how many frames of a constant rate stood off its grid.
    """

    def __init__(self, video: VideoStream) -> None:
        self._video = video
        self._rate = Fraction(0) if video.variable_rate else video.rate
        self._last: Fraction | None = None
        self.odd = 0

    def place(self, stamp: Fraction | None) -> Fraction:
        """Seconds after the film's first frame, later than those of the frame before.

        stamp: seconds on the file's clock, None where the frame has none.
        """
        step = 1 / self._rate if self._rate else self._video.tick
        if stamp is None:
            usual = 1 / (self._rate or DEFAULT_RATE)
            time = Fraction(0) if self._last is None else self._last + usual
        else:
            time = max(stamp - self._video.start, Fraction(0))
            if self._rate:
                time = self._on_grid(time)
        if self._last is not None and time <= self._last:
            time = self._last + step
        self._last = time
        return time

    def _on_grid(self, time: Fraction) -> Fraction:
        place = time * self._rate
        off = abs(place - round(place))
        self.odd += off > Fraction(1, 10) + self._video.tick * self._rate
        return round(place) / self._rate
