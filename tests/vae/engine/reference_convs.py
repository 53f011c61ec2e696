"""Whole convs in plain torch, by the reference operators: slow, and free of any back end."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops import reference
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.scales import Codes
from seedvr2_cli.ops.slot_convs import Affine, Edges


@dataclass(frozen=True)
class Conv:
    weight: Tensor
    bias: Tensor

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None) -> Moments:
        out.copy_(reference.conv3x3x3(slots, self.weight, self.bias, residual))
        return moments_of(out)


@dataclass(frozen=True)
class Phases:
    weight: Tensor
    bias: Tensor

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, edges: Edges, scale: float) -> Moments:
        out.copy_(reference.conv_phases(slots, self.weight, self.bias, edges))
        return moments_of(out)


class ReferenceConvs:
    """Slots of the maps' own type."""

    name = "reference"
    raw_full_scale: float | None = None

    def codes(self, norm: Norm) -> Codes | None:
        return None

    def raw_codes(self, channels: int, scale: float) -> Codes | None:
        return None

    def conv(self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype) -> Conv:
        return Conv(reference.merge_taps(weight.float(), slots), bias)

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Phases:
        return Phases(weight, bias)

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        out.copy_(F.silu(rows * affine[0] + affine[1]) if affine else rows)


def moments_of(rows: Tensor) -> Moments:
    sums = reference.frame_sums(rows)
    return Moments(sums.count, sums.total / sums.count, sums.m2)
