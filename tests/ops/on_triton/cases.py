"""Small random operands, one way to run a conv with either kind of loads, and the measure of error."""

from dataclasses import replace

import torch
from torch import Tensor

from seedvr2_cli.ops.on_triton.conv import Epilogue, block_count, conv_call
from seedvr2_cli.ops.on_triton.launch import capability_of, run
from seedvr2_cli.ops.on_triton.packed import PackedConv
from seedvr2_cli.ops.on_triton.sums import Partials
from seedvr2_cli.ops.on_triton.tiles import choose_tile

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def normal(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0, at: torch.device) -> Tensor:
    """Random values, the same on every device."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(at, dtype)


def slots_of(count: int, height: int, width: int, c_in: int, dtype: torch.dtype, at: torch.device):
    """Slots of a whole frame: their first and last rows are zero."""
    slots = tuple(normal(height + 2, width, c_in, dtype=dtype, seed=i, at=at) for i in range(count))
    for slot in slots:
        slot[0] = slot[-1] = 0
    return slots


def convolve(
    slots: tuple[Tensor, ...], packed: PackedConv, out: Tensor, epilogue: Epilogue, *, descriptors: bool
) -> Partials | None:
    """What conv3x3x3 and conv_phases do, with the kind of loads as asked."""
    tile = choose_tile(capability_of(out), epilogue.with_sums, packed.work)
    tile = replace(tile, descriptors=descriptors)
    rows = None
    if epilogue.with_sums:
        rows = torch.empty(block_count(slots[0], packed, tile), 3, packed.c_out, device=out.device)
    run(conv_call(slots, packed, out, epilogue, tile, rows), out.device)
    return None if rows is None else Partials(rows, out.shape[0] * out.shape[1])


def doubles(slots: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The slots for the reference's true values."""
    return tuple(slot.double() for slot in slots)


def error(value: Tensor, truth: Tensor) -> float:
    """Relative to the truth, over all values."""
    return ((value.double() - truth).norm() / truth.norm()).item()
