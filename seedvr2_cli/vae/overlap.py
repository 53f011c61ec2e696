"""Tiles with overlap, blended with weights that sum to one, round a whole frame at the latents' size.

The layers at the latents' size (the middle with its attention, and the stage beside it) take the whole frame:
1/64 of the pixels, each once, where tiles would take twice what they share. The layers at larger sizes go
tile by tile, each tile with a causal memory of its own and norms that see it alone. What that gains, and what
one more layer would: docs/numerics.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

import torch
from torch import Tensor

from seedvr2_cli.ops.moments import Moments
from seedvr2_cli.plan.tiles import Span, Tile, spans_of
from seedvr2_cli.vae.engine.buffers import Form
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.engine import Engine
from seedvr2_cli.vae.engine.frames import Given, Map
from seedvr2_cli.vae.engine.memory import ClipMemory
from seedvr2_cli.vae.engine.program import Decoder, Encoder
from seedvr2_cli.vae.engine.way import Way

Begin = Callable[[ClipMemory], Pass]
State = TypeVar("State")


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one picture. factor: pixels per latent; scale: weights per latent, 1 when encoding."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    factor: int
    scale: int

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)


@dataclass(frozen=True)
class TiledMemory:
    """The state of one clip that goes in tiles, as a ClipMemory is of one that does not: what the whole frame
    leaves behind, and what each tile does."""

    grid: TileGrid
    whole: ClipMemory
    tiles: tuple[ClipMemory, ...]

    @classmethod
    def start(cls, engine: Engine, grid: TileGrid, way: Way) -> "TiledMemory":
        """Of a clip that has not begun."""
        whole, *tiles = engine.start(way, 1 + len(grid))
        return cls(grid, whole, tuple(tiles))

    @property
    def nbytes(self) -> int:
        """Bytes that the held slots take."""
        return self.whole.nbytes + sum(tile.nbytes for tile in self.tiles)


def tile_grid(tile: Tile, latent_size: tuple[int, int], factor: int, *, encoding: bool) -> TileGrid:
    """The grid over a picture of latent_size (width, height)."""
    scale = 1 if encoding else factor
    columns, rows = spans_of(tile, latent_size, factor, scale)
    return TileGrid(tuple(rows), tuple(columns), factor, scale)


def encode_tiled(engine: Engine, x: Tensor, memory: TiledMemory, way: Way, last: bool) -> Tensor:
    """`Engine.encode` in tiles: their maps are blended where they come to the latents' size."""
    encoder, whole = engine.encoder(way), memory.whole
    moments = []
    for frames, keep in engine.frame_groups(x, encoder.frames_per_latent, whole.begun, last):
        begin = partial(engine.begin, way=way, keep=keep)
        blended = run_tiles(memory.grid, partial(_small, encoder, begin), frames, memory.tiles)
        now = begin(whole)
        moments.append(encoder.moments(now, _as_map(blended, frames.dtype, now)))
    return torch.stack(moments).permute(3, 0, 1, 2)


def decode_tiled(engine: Engine, z: Tensor, memory: TiledMemory, way: Way, last: bool) -> Tensor:
    """`Engine.decode` in tiles: each begins from its part of what the whole frame has come to."""
    decoder = engine.decoder(way)
    frames = []
    for latent, keep in engine.latents(z, last):
        begin = partial(engine.begin, way=way, keep=keep)
        small = decoder.small(begin(memory.whole), latent)
        step = partial(_frames, decoder, begin, small.moments)
        frames.append(run_tiles(memory.grid, step, small.rows(0, small.form.height), memory.tiles))
        small.release()
    return torch.cat(frames).permute(3, 0, 1, 2)


def run_tiles(
    grid: TileGrid, step: Callable[[Tensor, State], Tensor], x: Tensor, states: Sequence[State]
) -> Tensor:
    """Take what covers the whole picture through all tiles, and blend what comes out.

    x: (..., H, W, C), in pixels when encoding, else in latents. step: takes a tile's part of it, contiguous,
    with its state, one of `states`. Returns the blended whole, (..., H', W', C'), float32.
    """
    scale = grid.scale
    height, width = grid.rows[-1].end * scale, grid.columns[-1].end * scale
    blended: Tensor | None = None
    for (row, column), state in zip(product(grid.rows, grid.columns), states, strict=True):
        part = x[..., _read_by(row, grid, x.shape[-3]), _read_by(column, grid, x.shape[-2]), :]
        out = step(part.contiguous(), state)
        if blended is None:
            blended = torch.zeros((*out.shape[:-3], height, width, out.shape[-1]), device=out.device)
        down = torch.tensor(row.weights, device=out.device)
        across = torch.tensor(column.weights, device=out.device)
        place = blended[
            ..., row.start * scale : row.end * scale, column.start * scale : column.end * scale, :
        ]
        place.add_(out * (down[:, None] * across)[..., None])
    assert blended is not None
    return blended


class _Part(Given):
    """A tile's part of a map, with the moments of the whole one."""

    def __init__(self, data: Tensor, moments: Moments) -> None:
        super().__init__(data)
        self.moments = moments


def _small(encoder: Encoder, begin: Begin, frames: Tensor, memory: ClipMemory) -> Tensor:
    """A tile's frames -> its map (h, w, C), good until the tile's next frames."""
    small = encoder.small(begin(memory), frames)
    rows = small.rows(0, small.form.height)
    small.release()
    return rows


def _frames(decoder: Decoder, begin: Begin, moments: Moments, small: Tensor, memory: ClipMemory) -> Tensor:
    """A tile's part of the whole map, (h, w, C) -> (n, H, W, 3)."""
    return torch.stack(list(decoder.frames(begin(memory), _Part(small, moments))))


def _as_map(data: Tensor, dtype: torch.dtype, now: Pass) -> Map:
    height, width, channels = data.shape
    out = Map(Form(height, width, channels, dtype), now.buffers)
    out.data.copy_(data)
    out.wrote(now.kernels.moments(out.data))
    return out


def _read_by(span: Span, grid: TileGrid, size: int) -> slice:
    """What a tile reads of a side of `size`: latents, or pixels when encoding."""
    if grid.scale > 1 or grid.factor == 1:
        return slice(span.start, span.end)
    last = span.end == size // grid.factor  # pixels beyond the last whole latent belong to the last tile
    return slice(span.start * grid.factor, size if last else span.end * grid.factor)
