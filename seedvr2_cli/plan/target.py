"""How large the upscaled picture is: one resize, from the source's size straight to the final one."""

import math
from dataclasses import dataclass
from fractions import Fraction

from seedvr2_cli.base.errors import UsageError

DEFAULT_SCALE = 2
LARGEST_SIDE = 32768  # pixels: a frame of this square is 12 GiB in float32, a slip of the hand


@dataclass(frozen=True, kw_only=True)
class Target:
    """What size is asked for; with neither resolution nor scale, twice the source's.

    resolution: pixels of the short side. scale: of both sides. max_resolution: the most pixels that the long
    side may have. Raises UsageError for values that contradict each other or are no size.
    """

    resolution: int | None = None
    scale: float | None = None
    max_resolution: int | None = None
    allow_downscale: bool = False

    def __post_init__(self) -> None:
        if self.resolution is not None and self.scale is not None:
            raise UsageError("--resolution and --scale both give the size", do="keep one of them")
        for name, side in (("--resolution", self.resolution), ("--max-resolution", self.max_resolution)):
            if side is not None and not 1 <= side <= LARGEST_SIDE:
                do = f"give 1 to {LARGEST_SIDE} pixels"
                raise UsageError(f"{side} is no side of a picture", where=name, do=do)
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise UsageError(f"{self.scale} is no scale", where="--scale", do="give a number above 0")

    def size_of(self, source: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the target for a source of (width, height).

        One exact ratio for both sides, each rounded half up, so that the shape is kept within half a pixel
        whatever the order of the options. Raises UsageError where that is smaller than the source without
        `allow_downscale`, or beyond LARGEST_SIDE.
        """
        short, long = sorted(source)
        ratio, option = self._asked(short)
        if self.max_resolution is not None and ratio * long > self.max_resolution:
            ratio, option = Fraction(self.max_resolution, long), f"--max-resolution {self.max_resolution}"
        width, height = (max(1, math.floor(side * ratio + Fraction(1, 2))) for side in source)
        say = f"target {width}x{height}"
        if max(width, height) > LARGEST_SIDE:
            do = f"--max-resolution {LARGEST_SIDE} is the most"
            raise UsageError(f"{say}: a side of more than {LARGEST_SIDE} pixels", where=option, do=do)
        if ratio < 1 and not self.allow_downscale:
            what = f"{say}: smaller than the source, {source[0]}x{source[1]}"
            raise UsageError(what, where=option, do="ask for more, or give --allow-downscale")
        return width, height

    def _asked(self, short: int) -> tuple[Fraction, str]:
        """The ratio before the cap, and the option that asks for it."""
        if self.resolution is not None:
            return Fraction(self.resolution, short), f"--resolution {self.resolution}"
        if self.scale is None:
            return Fraction(DEFAULT_SCALE), f"--scale {DEFAULT_SCALE}, the default"
        # by its digits: as a binary number 2.3 is a little less, and 15 * 2.3 would be 34
        return Fraction(str(self.scale)), f"--scale {self.scale}"
