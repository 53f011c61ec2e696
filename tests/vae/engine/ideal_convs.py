"""e4m3 convs whose input has the best scale there is: a float, of each frame's own largest value.

It needs a scale for every frame and to have seen it whole, which a causal cache of codes cannot have: what
static powers of two are held against.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops import reference
from seedvr2_cli.ops.moments import Moments
from seedvr2_cli.ops.reference_convs import ReferenceConvs, moments_of
from seedvr2_cli.ops.scales import E4M3, FULL_SCALE, CodedWeight, Codes, quantise_weight
from seedvr2_cli.ops.slot_convs import Affine, Edges


def rounded(slot: Tensor) -> Tensor:
    """To e4m3 and back, the slot's largest value at the largest code."""
    scale = slot.abs().max() / FULL_SCALE[E4M3]
    return (slot / scale).to(E4M3).float() * scale if scale else slot


def widened(coded: CodedWeight) -> Tensor:
    return coded.codes.float() * coded.gain.view(-1, 1, 1, 1, 1)


@dataclass(frozen=True)
class Conv:
    weight: Tensor
    bias: Tensor

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None) -> Moments:
        exact = tuple(rounded(slot) for slot in slots)
        out.copy_(reference.conv3x3x3(exact, self.weight, self.bias, residual))
        return moments_of(out)


@dataclass(frozen=True)
class Phases:
    weight: Tensor
    bias: Tensor

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, edges: Edges, scale: float) -> Moments:
        exact = tuple(rounded(slot) for slot in slots)
        out.copy_(reference.conv_phases(exact, self.weight, self.bias, edges))
        return moments_of(out)


class IdealE4M3(ReferenceConvs):
    name = "ideal"

    def conv(self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype) -> Conv:
        return Conv(widened(quantise_weight(reference.merge_taps(weight.float(), slots), E4M3)), bias)

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Phases:
        return Phases(widened(quantise_weight(weight.float(), E4M3)), bias)

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        out.copy_(F.silu(rows * affine[0] + affine[1]) if affine else rows)
