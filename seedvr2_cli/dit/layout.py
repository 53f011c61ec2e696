"""The tokens of a grid in the order of its windows, equal windows together."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.dit.windows import Grid, window_spans


@dataclass(frozen=True)
class Group:
    """Windows of one size. tokens: (windows, t * h * w) int64, places in the grid's order t, h, w."""

    size: Grid
    tokens: Tensor

    def pieces(self, limit: int) -> Iterator[Tensor]:
        """tokens, whole windows at a time, of at most limit tokens or of one window."""
        yield from self.tokens.split(max(1, limit // self.tokens.shape[1]))


@dataclass(frozen=True)
class Layout:
    """All windows of a block, each token in just one. count: of windows."""

    groups: tuple[Group, ...]
    count: int


def layout(grid: Grid, *, shifted: bool, device: torch.device) -> Layout:
    """The windows of even blocks, or those of odd ones (shifted)."""
    spans = window_spans(grid, shifted=shifted)
    places = torch.arange(grid[0] * grid[1] * grid[2]).view(grid)
    by_size: dict[Grid, list[Tensor]] = {}
    for (t0, t1), (h0, h1), (w0, w1) in spans.windows():
        size = (t1 - t0, h1 - h0, w1 - w0)
        by_size.setdefault(size, []).append(places[t0:t1, h0:h1, w0:w1].reshape(-1))
    groups = tuple(Group(size, torch.stack(found).to(device)) for size, found in by_size.items())
    return Layout(groups, spans.count)
