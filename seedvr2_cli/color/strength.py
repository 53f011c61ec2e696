"""How much of the restoration is taken, in each of three bands of frequency. No torch."""

import math
from dataclasses import dataclass
from typing import Self

from seedvr2_cli.base.errors import UsageError


@dataclass(frozen=True)
class Strength:
    """Shares of the restoration in three bands: 1 is the restoration, 0 the resized input.

    Raises UsageError for a share outside 0 to 1.
    """

    low: float = 1.0
    mid: float = 1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        for share in (self.low, self.mid, self.high):
            if not (math.isfinite(share) and 0 <= share <= 1):
                raise UsageError(f"{share:g} is no share", where="--strength", do="give 0 to 1")

    @classmethod
    def parse(cls, text: str) -> Self:
        """`0.7`, or `LOW,MID,HIGH` as in `1,1,0.5`. Raises UsageError."""
        try:
            shares = [float(share) for share in text.split(",")]
        except ValueError:
            shares = []
        if len(shares) not in (1, 3):
            do = "give 0 to 1, or LOW,MID,HIGH such as 1,1,0.5"
            raise UsageError(f"{text!r} is no strength", where="--strength", do=do)
        return cls(*shares * (3 // len(shares)))
