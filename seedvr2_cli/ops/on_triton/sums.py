"""Per-channel sums of a frame, strip by strip: partial sums from kernels, merged once at the frame's end."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops.contracts import ChannelSums, check_map
from seedvr2_cli.ops.on_triton.launch import Call, blocks, run

TILES, TILE_PIXELS = 16, 64  # 1024 pixels a program: 2040 blocks in a 1920x1088 frame
GROUP = 64  # partial sums that one program merges
BLOCK_CHANNELS = 64


@dataclass(frozen=True)
class Partials:
    """Sums of blocks of a map's rows, `pixels` in all. rows: (blocks, 3, C) float32, count, total and M2."""

    rows: Tensor
    pixels: int


def frame_partials(x: Tensor) -> Partials:
    """The sums of a raw map's rows (h, W, C), not yet merged. Raises ShapeError for anything else."""
    check_map("x", x)
    pixels, channels = x.shape[0] * x.shape[1], x.shape[2]
    rows = _new_rows(blocks(pixels, TILES * TILE_PIXELS), channels, x.device)
    run(frame_partials_call(x, rows), x.device)
    return Partials(rows, pixels)


def finish_sums(partials: Sequence[Partials]) -> ChannelSums:
    """Merge what the strips of a frame left. The same strips give the same bits, whatever the device does."""
    if not partials:
        raise ShapeError("no partial sums to merge")
    rows = torch.cat([p.rows for p in partials]) if len(partials) > 1 else partials[0].rows
    while len(rows) > 1:
        merged = _new_rows(blocks(len(rows), GROUP), rows.shape[2], rows.device)
        run(merge_call(rows, merged), rows.device)
        rows = merged
    return ChannelSums(sum(p.pixels for p in partials), rows[0, 1], rows[0, 2])


def frame_sums(x: Tensor) -> ChannelSums:
    """As reference.frame_sums."""
    return finish_sums([frame_partials(x)])


def frame_partials_call(x: Tensor, rows: Tensor) -> Call:
    """What frame_partials runs."""
    from seedvr2_cli.ops.on_triton.kernels import sums as kernels

    arguments = {
        "x": x,
        "partials": rows,
        "pixels": x.shape[0] * x.shape[1],
        "channels": x.shape[2],
        "TILES": TILES,
        "TILE_P": TILE_PIXELS,
        "BLOCK_C": BLOCK_CHANNELS,
    }
    programs = len(rows) * blocks(x.shape[2], BLOCK_CHANNELS)
    return Call(kernels.map_sums, programs, arguments, warps=4, stages=2)


def merge_call(rows: Tensor, merged: Tensor) -> Call:
    """What finish_sums runs for each level of the tree."""
    from seedvr2_cli.ops.on_triton.kernels import sums as kernels

    arguments = {
        "partials": rows,
        "merged": merged,
        "blocks_in": len(rows),
        "channels": rows.shape[2],
        "GROUP": GROUP,
        "BLOCK_C": BLOCK_CHANNELS,
    }
    programs = len(merged) * blocks(rows.shape[2], BLOCK_CHANNELS)
    return Call(kernels.merge_sums, programs, arguments, warps=4, stages=1)


def _new_rows(count: int, channels: int, device: torch.device) -> Tensor:
    return torch.empty(count, 3, channels, dtype=torch.float32, device=device)
