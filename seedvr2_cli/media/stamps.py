"""When each decoded frame stands, as ffmpeg's `showinfo` tells it beside the raw pictures."""

import re
from dataclasses import dataclass
from fractions import Fraction
from queue import SimpleQueue

SHOWINFO = "showinfo=checksum=0"  # a filter that changes nothing; a checksum would cost as much as decoding

_CLOCK = re.compile(r"config in time_base: (\d+)/(\d+)")
_FRAME = re.compile(r"n: *\d+ pts: *(\S+) .* i:(.)")


@dataclass(frozen=True)
class Shown:
    """stamp: seconds on the file's clock, None where the frame has none. interlaced: it is two fields."""

    stamp: Fraction | None
    interlaced: bool


class StampLog:
    """What `showinfo` says, in the order of the frames. One thread tells lines, another takes frames."""

    def __init__(self) -> None:
        self._tick = Fraction(1, 1_000_000)
        self._frames: SimpleQueue[Shown | None] = SimpleQueue()

    def hear(self, line: str) -> None:
        """Take a line of the log; those of others are ignored."""
        if "showinfo" not in line:
            return
        if frame := _FRAME.search(line):
            stamp = None if frame[1] == "NOPTS" else int(frame[1]) * self._tick
            self._frames.put(Shown(stamp, interlaced=frame[2] in "TB"))
        elif clock := _CLOCK.search(line):
            self._tick = Fraction(int(clock[1]), int(clock[2]))

    def close(self) -> None:
        """The log has ended: whoever waits gets None."""
        self._frames.put(None)

    def take(self) -> Shown | None:
        """The next frame, waited for; None where the log ended before it."""
        return self._frames.get()
