"""Whole convs in plain torch, by the operators of `reference`: slow, and the truth for back ends."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops import reference
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.scales import Codes
from seedvr2_cli.ops.slot_convs import Affine, Edges


@dataclass(frozen=True)
class ReferenceConv:
    """A SlotConv. weight: (C_out, C_in, slots, 3, 3)."""

    weight: Tensor
    bias: Tensor

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None) -> Moments:
        out.copy_(reference.conv3x3x3(slots, self.weight, self.bias, residual))
        return moments_of(out)


@dataclass(frozen=True)
class ReferencePhases:
    """A SlotPhases."""

    weight: Tensor
    bias: Tensor

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, edges: Edges, scale: float) -> Moments:
        out.copy_(reference.conv_phases(slots, self.weight, self.bias, edges))
        return moments_of(out)


class ReferenceConvs:
    """Slots of the maps' own type."""

    name = "reference"
    first_code: float | None = None

    def codes(self, norm: Norm) -> Codes | None:
        return None

    def raw_codes(self, scale: float) -> Codes | None:
        return None

    def conv(
        self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype
    ) -> ReferenceConv:
        return ReferenceConv(reference.merge_taps(weight.float(), slots), bias)

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> ReferencePhases:
        return ReferencePhases(weight, bias)

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        out.copy_(F.silu(rows * affine[0] + affine[1]) if affine else rows)


def moments_of(rows: Tensor) -> Moments:
    """Of rows of a map."""
    sums = reference.frame_sums(rows)
    return Moments(sums.count, sums.total / sums.count, sums.m2)
