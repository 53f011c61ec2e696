"""Frame rates: exact ones out of blurred time stamps, and whether a rate is constant at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

MAX_RATE = 1000
DEFAULT_RATE = Fraction(25)  # what ffmpeg takes for a stream that says nothing
NEAR = 1e-4  # relative; 24 and 24000/1001 lie 1e-3 apart, what containers store of a rate is nearer
_NTSC = (12, 15, 24, 30, 48, 60, 90, 120, 240)


@dataclass(frozen=True)
class Pace:
    """rate: frames per second, the mean where variable. per_packet: False where a frame takes two packets."""

    rate: Fraction
    variable: bool
    per_packet: bool


def exact_rate(rate: Fraction, time_base: Fraction, near: float = NEAR) -> Fraction:
    """The rate that was meant by one that a container could only store blurred, by up to `near`.

    time_base: seconds per tick of the stamps. A rate whose frames last a whole number of ticks is exact.
    """
    if (1 / rate / time_base).denominator == 1:
        return rate
    whole = Fraction(round(rate))
    candidates = [whole] if whole else []
    candidates += [Fraction(n * 1000, 1001) for n in _NTSC]
    nearest = min(candidates, key=lambda candidate: abs(candidate - rate))
    return nearest if abs(nearest - rate) <= near * rate else rate


def judge(stamps: Sequence[int], time_base: Fraction, said: Fraction | None) -> Pace:
    """The pace of frames that stand at these stamps (ticks, in order), where the container says `said`.

    The stamps decide: a rate is constant if all of them lie on its grid, but for the rounding to ticks and
    a tenth of a frame.
    """
    said = exact_rate(said, time_base) if said and said <= MAX_RATE else None
    if len(stamps) < 2 or stamps[-1] <= stamps[0]:
        return Pace(said or DEFAULT_RATE, variable=False, per_packet=True)
    mean = min((len(stamps) - 1) / ((stamps[-1] - stamps[0]) * time_base), Fraction(MAX_RATE))
    if said and _on_grid(stamps, 1 / said / time_base):
        return Pace(said, variable=False, per_packet=True)
    if said and _on_grid(
        stamps, 1 / said / time_base / 2
    ):  # the two fields of a frame in packets of their own
        return Pace(said, variable=False, per_packet=False)
    blur = 1 / (stamps[-1] - stamps[0])  # both ends are rounded to ticks
    measured = exact_rate(mean, time_base, min(max(NEAR, blur), 4 * NEAR))
    if _on_grid(stamps, 1 / measured / time_base):
        return Pace(measured, variable=False, per_packet=True)
    return Pace(mean, variable=True, per_packet=True)


def _on_grid(stamps: Sequence[int], ticks: Fraction) -> bool:
    """Whether the stamps lie `ticks` apart, to within rounding."""
    off = np.asarray(stamps, np.float64) - stamps[0] - np.arange(len(stamps)) * float(ticks)
    rounding = 0.0 if ticks.denominator == 1 or ticks < 3 else 1.0  # ticks as long as frames hide a lost one
    return bool(np.ptp(off) <= rounding + 0.1 * float(ticks))
