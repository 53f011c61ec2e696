"""The kernel of a causal 3x3x3 conv, in the engine's two forms: as sums of 2-D convs, or whole."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.slot_convs import Affine, SlotConvs
from seedvr2_cli.vae.engine.buffers import Scratch
from seedvr2_cli.vae.engine.triple import Triple

Beside = Callable[[], Tensor]  # rows to be added to a conv's, made when they are needed


class Filter(Protocol):
    """The kernel of one conv. slot_type: what its slots hold; zero: the value that stands for 0.0 there.
    in_pairs: two frames at once cost less than one after the other."""

    slot_type: torch.dtype
    zero: int
    in_pairs: bool

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor) -> None:
        """Rows of a map, normalised, into a slot's."""
        ...

    def __call__(
        self,
        frames: Sequence[Tensor],
        old: int,
        outs: Sequence[Tensor],
        beside: Sequence[Beside] | None,
        scratch: Scratch,
    ) -> Sequence[Moments]:
        """Write outs, rows (r, W, O) of one or two new frames, and return their moments.

        frames: rows (r + 2, W, I) of slots, `old` remembered ones (none at a clip's start, one that stands
        for two, or two), then the new ones. beside: what is added to each.
        """
        ...


class SummedFilter:
    """As three taps of 2-D convs, summed."""

    def __init__(self, kernels: Kernels, triple: Triple, dtype: torch.dtype) -> None:
        self.slot_type, self.zero, self.in_pairs = dtype, 0, triple.in_pairs
        self._kernels = kernels
        self._triple = triple

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor) -> None:
        plain_fill(self._kernels, rows, affine, out)

    def __call__(
        self,
        frames: Sequence[Tensor],
        old: int,
        outs: Sequence[Tensor],
        beside: Sequence[Beside] | None,
        scratch: Scratch,
    ) -> Sequence[Moments]:
        moments = []
        for k, (total, out) in enumerate(zip(self._triple(frames, old, scratch), outs, strict=True)):
            if beside is None:
                out.copy_(total)
            else:
                torch.add(total, beside[k](), out=out)
            moments.append(self._kernels.moments(out))  # while a cache holds it
        return moments


class WholeFilter:
    """By a back end that takes a frame's conv whole, residual and moments included."""

    in_pairs = False

    def __init__(
        self, convs: SlotConvs, norm: Norm, weight: Tensor, bias: Tensor, dtype: torch.dtype
    ) -> None:
        self._convs = convs
        self._codes = codes = convs.codes(norm)
        self.slot_type, self.zero = (codes.dtype, codes.zero) if codes else (dtype, 0)
        self._by_count = [convs.conv(weight, bias, count, codes, dtype) for count in (1, 2, 3)]

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor) -> None:
        self._convs.fill(rows, affine, out, self._codes)

    def __call__(
        self,
        frames: Sequence[Tensor],
        old: int,
        outs: Sequence[Tensor],
        beside: Sequence[Beside] | None,
        scratch: Scratch,
    ) -> Sequence[Moments]:
        moments = []
        for k, out in enumerate(outs):
            slots = tuple(frames[max(0, old + k - 2) : old + k + 1])
            residual = beside[k]() if beside else None
            moments.append(self._by_count[len(slots) - 1](slots, out, residual))
        return moments


def plain_fill(kernels: Kernels, rows: Tensor, affine: Affine | None, out: Tensor) -> None:
    """Rows of a map into a slot of the same type."""
    if affine is None:
        out.copy_(rows)
    else:
        kernels.norm_silu(rows, *affine, out)
