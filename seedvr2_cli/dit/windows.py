"""How a grid of tokens is cut into the windows that attend within themselves. No torch.

Sizes are tied to 720p: 45 x 80 tokens make 3 x 3 windows, and any larger grid has windows of that size. Every
second block has them shifted by half a window. Source: spec/dit.md 2.8.
"""

import itertools
import math
from dataclasses import dataclass

Grid = tuple[int, int, int]  # tokens in time, height, width
Span = tuple[int, int]  # [start, stop)

_REFERENCE = 45 * 80  # tokens of a 720p frame
_PER_FRAME = (3, 3)  # windows of it, down and across
_PER_CLIP = 4  # windows in time
_MAX_TIME = 30  # latents that are divided among them


@dataclass(frozen=True)
class Spans:
    """The bounds along each axis; the windows are all combinations."""

    t: tuple[Span, ...]
    h: tuple[Span, ...]
    w: tuple[Span, ...]

    @property
    def count(self) -> int:
        return len(self.t) * len(self.h) * len(self.w)

    def windows(self) -> list[tuple[Span, Span, Span]]:
        """Every window, time slowest."""
        return list(itertools.product(self.t, self.h, self.w))


def window_shape(grid: Grid) -> Grid:
    """Tokens of an unclipped window in time, height and width."""
    t, h, w = grid
    scale = math.sqrt(_REFERENCE / (h * w))
    # Python's round takes halves to even, as the published code does
    height, width = (math.ceil(round(n * scale) / p) for n, p in zip((h, w), _PER_FRAME, strict=True))
    return math.ceil(min(t, _MAX_TIME) / _PER_CLIP), height, width


def window_spans(grid: Grid, *, shifted: bool) -> Spans:
    """The windows of a block: those of odd blocks are shifted."""
    cut = _shifted if shifted else _regular
    return Spans(*(cut(n, size) for n, size in zip(grid, window_shape(grid), strict=True)))


def _regular(n: int, size: int) -> tuple[Span, ...]:
    return tuple((at, min(at + size, n)) for at in range(0, n, size))


def _shifted(n: int, size: int) -> tuple[Span, ...]:
    if size >= n:
        return ((0, n),)
    count = math.ceil((n - 0.5) / size) + 1
    # int() cuts toward zero: a window of one token is not shifted at all
    bounds = ((max(int((i - 0.5) * size), 0), min(int((i + 0.5) * size), n)) for i in range(count))
    return tuple((start, stop) for start, stop in bounds if stop > start)
