"""Weights in the order the conv kernel reads them: by phase, slot and tap, input channels innermost."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops.on_triton.tiles import padded
from seedvr2_cli.ops.reference import merge_taps


@dataclass(frozen=True)
class PackedConv:
    """A conv's weights on its device, made once.

    weight: (phases * slots * taps * taps * n_padded, k_padded), in the slots' type; bias: (n_padded,)
    float32, or (4, 9, n_padded) with 4 phases. taps: 3 or 2 in each direction. Channels are padded with zeros
    (tiles.padded).
    """

    weight: Tensor
    bias: Tensor
    c_in: int
    c_out: int
    slots: int
    taps: int
    phases: int


def pack_conv3x3x3(weight: Tensor, bias: Tensor, slot_count: int, dtype: torch.dtype) -> PackedConv:
    """weight: (C_out, C_in, 3, 3, 3), taps merged for slot_count below 3; bias: (C_out,); both float32."""
    if weight.dim() != 5 or weight.shape[2:] != (3, 3, 3) or bias.shape != weight.shape[:1]:
        raise ShapeError(f"weight {tuple(weight.shape)} and bias {tuple(bias.shape)} are no 3x3x3 conv")
    if slot_count not in (1, 2, 3):
        raise ShapeError(f"{slot_count} slots: a causal conv reads 1 to 3")
    merged = merge_taps(weight, slot_count)
    c_out, c_in = weight.shape[:2]
    rows = _rows(merged.unsqueeze(0), dtype)
    return PackedConv(rows, _padded_last(bias.float()), c_in, c_out, slot_count, taps=3, phases=1)


def pack_phases(weight: Tensor, bias: Tensor, dtype: torch.dtype) -> PackedConv:
    """weight: (2, 2, C_out, C_in, slots, 2, 2), bias: (2, 2, 3, 3, C_out), as in reference; float32."""
    right = weight.dim() == 7 and weight.shape[:2] == (2, 2) and weight.shape[5:] == (2, 2)
    if not right or weight.shape[4] not in (1, 2, 3) or bias.shape != (2, 2, 3, 3, weight.shape[2]):
        raise ShapeError(f"weight {tuple(weight.shape)} and bias {tuple(bias.shape)} are no folded upsampler")
    c_out, c_in, slots = weight.shape[2:5]
    constants = _padded_last(bias.float().reshape(4, 9, c_out))
    return PackedConv(_rows(weight.flatten(0, 1), dtype), constants, c_in, c_out, slots, taps=2, phases=4)


def _rows(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """(phases, C_out, C_in, slots, taps, taps) -> the packed weight, rounded once."""
    by_tap = weight.permute(0, 3, 4, 5, 1, 2)
    c_out, c_in = by_tap.shape[-2:]
    whole = F.pad(by_tap, (0, padded(c_in) - c_in, 0, padded(c_out) - c_out))
    return whole.reshape(-1, padded(c_in)).to(dtype).contiguous()


def _padded_last(constants: Tensor) -> Tensor:
    channels = constants.shape[-1]
    return F.pad(constants, (0, padded(channels) - channels)).contiguous()
