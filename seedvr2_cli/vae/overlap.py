"""Tiles with overlap: each with a causal memory of its own, blended with weights that sum to one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.plan.tiles import Span, Tile, spans_of

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]  # a slice and its tile's state, None at a clip's start


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one picture. factor: pixels per latent; scale: weights per latent, 1 when encoding."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    factor: int
    scale: int

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)


def tile_grid(tile: Tile, latent_size: tuple[int, int], factor: int, *, encoding: bool) -> TileGrid:
    """The grid over a picture of latent_size (width, height)."""
    scale = 1 if encoding else factor
    columns, rows = spans_of(tile, latent_size, factor, scale)
    return TileGrid(tuple(rows), tuple(columns), factor, scale)


def run_tiles(
    grid: TileGrid, step: Step, x: Tensor, states: Sequence[Any] | None
) -> tuple[Tensor, tuple[Any, ...]]:
    """Take one slice of time through all tiles.

    x: the whole picture, (B, C, T, H, W): frames when encoding, else latents. states: one for each tile, as
    the last call returned them, or None at a clip's start. Returns the blended whole, float32, and the new
    states.
    """
    scale = grid.scale
    height, width = grid.rows[-1].end * scale, grid.columns[-1].end * scale
    blended: Tensor | None = None
    kept = []
    for index, (row, column) in enumerate(product(grid.rows, grid.columns)):
        part = x[..., _read_by(row, grid, x.shape[-2]), _read_by(column, grid, x.shape[-1])]
        out, state = step(part, states[index] if states is not None else None)
        kept.append(state)
        if blended is None:
            blended = torch.zeros((*out.shape[:3], height, width), device=out.device)
        down = torch.tensor(row.weights, device=out.device)
        across = torch.tensor(column.weights, device=out.device)
        place = blended[..., row.start * scale : row.end * scale, column.start * scale : column.end * scale]
        place.add_(out * (down[:, None] * across))
    assert blended is not None
    return blended, tuple(kept)


def _read_by(span: Span, grid: TileGrid, size: int) -> slice:
    """What a tile reads of a side of `size`: latents, or pixels when encoding."""
    if grid.scale > 1 or grid.factor == 1:
        return slice(span.start, span.end)
    last = span.end == size // grid.factor  # pixels beyond the last whole latent belong to the last tile
    return slice(span.start * grid.factor, size if last else span.end * grid.factor)
