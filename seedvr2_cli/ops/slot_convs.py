"""What a back end offers that runs a causal conv whole: slots in, bias, residual and moments included.

Slots are those of `ops.contracts`. They hold the maps' own type, or 8-bit codes (`ops.scales.Codes`).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.scales import Codes

Affine = tuple[Tensor, Tensor]  # scale and shift (C,) of a norm over one frame
Edges = tuple[bool, bool]  # whether rows begin at the frame's top, and end at its bottom


class SlotConv(Protocol):
    """A causal conv for so many slots, made once."""

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None, /) -> Moments:
        """slots: (h + 2, W, C_in) each, oldest first; out: (h, W, C_out) of a map's type, written.

        residual: rows like out, added before the one rounding. Returns the moments of what was written.
        """
        ...


class SlotPhases(Protocol):
    """A folded upsampler for so many slots, made once."""

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, edges: Edges, scale: float, /) -> Moments:
        """slots: as in a SlotConv, of the low-resolution map; out: (2 h, 2 W, C_out), written.

        scale: what a code of 1 in the slots stands for; 1.0 where they hold no codes.
        """
        ...


class SlotConvs(Protocol):
    """One back end in one arithmetic. first_code: as `ops.coding.first_code`, None where slots hold the
    maps' own type."""

    name: str
    first_code: float | None

    def codes(self, norm: Norm) -> Codes | None:
        """What slots behind this norm hold; None: the maps' own type."""
        ...

    def raw_codes(self, scale: float) -> Codes | None:
        """What slots of a map hold that is stored without a norm; scale: what a code of 1 stands for."""
        ...

    def conv(
        self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype
    ) -> SlotConv:
        """weight: (C_out, C_in, 3, 3, 3), bias: (C_out,), any float type; codes: of the slots; dtype: of the
        maps."""
        ...

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> SlotPhases:
        """weight: (2, 2, C_out, C_in, slots, 2, 2), bias: (2, 2, 3, 3, C_out), as in
        `reference.conv_phases`; of slots that hold `raw_codes`."""
        ...

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        """Rows of a map into a slot's: silu(rows * affine[0] + affine[1]), or as they are; in codes, where
        there are any."""
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
