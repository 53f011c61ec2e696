"""What a back end offers that runs a causal conv whole: slots in, bias, residual and moments included.

Slots are those of `ops.contracts`. They hold the maps' own type, or 8-bit codes: a code stands for itself
times the slots' scale, a power of two, the same in all slots of a conv, so that one accumulator takes them
all.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from seedvr2_cli.ops.moments import Moments

Affine = tuple[Tensor, Tensor]  # scale and shift (C,) of a norm over one frame
Edges = tuple[bool, bool]  # whether rows begin at the frame's top, and end at its bottom


class SlotConv(Protocol):
    """A causal conv for so many slots, made once."""

    def __call__(
        self, slots: tuple[Tensor, ...], out: Tensor, *, scale: float, residual: Tensor | None
    ) -> Moments:
        """slots: (h + 2, W, C_in) each, oldest first; out: (h, W, C_out) of a map's type, written.

        scale: of the slots' codes. residual: rows like out, added before the one rounding. Returns what was
        written's moments.
        """
        ...


class SlotPhases(Protocol):
    """A folded upsampler for so many slots, made once."""

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, *, scale: float, edges: Edges) -> Moments:
        """slots: as in a SlotConv, of the low-resolution map; out: (2 h, 2 W, C_out), written."""
        ...


class SlotConvs(Protocol):
    """One back end in one arithmetic. full_scale: the largest code, None where slots hold the maps' type."""

    name: str
    full_scale: float | None

    def slot_type(self, dtype: torch.dtype) -> torch.dtype:
        """What slots hold where maps are of dtype."""
        ...

    def conv(self, weight: Tensor, bias: Tensor, slots: int, dtype: torch.dtype) -> SlotConv:
        """weight: (C_out, C_in, 3, 3, 3), bias: (C_out,), any float type; dtype: of the maps."""
        ...

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> SlotPhases:
        """weight: (2, 2, C_out, C_in, slots, 2, 2), bias: (2, 2, 3, 3, C_out), as in
        `reference.conv_phases`."""
        ...

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, *, scale: float) -> None:
        """Rows of a map into a slot's: silu(rows * affine[0] + affine[1]), or as they are, in codes."""
        ...


@dataclass(frozen=True)
class ConvChoice:
    """Which back end takes which conv. chosen: the names of those that `eight` takes; whole: takes the
    others, None: they are sums of 2-D convs (`ops.kernels`)."""

    whole: SlotConvs | None = None
    eight: SlotConvs | None = None
    chosen: frozenset[str] = frozenset()

    def of(self, name: str) -> SlotConvs | None:
        """The back end of the conv of this name in the network."""
        return self.eight if name in self.chosen else self.whole


PLAIN_CHOICE = ConvChoice()
