"""Folded upsamplers: expansion, shuffle and causal conv become small convs on the low-resolution map.

Per output phase (row ay, column ax) a conv of 2 x 2 taps in space is left, whose taps lie at the offsets
(-1, 0) for phase 0 and (0, 1) for phase 1. Frames: V(f, z) is the shuffled frame that low-resolution frame f
gives in phase z of time. Source: spec/vae.md 1.8c, spec/perf.md 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))  # (ay, ax)


@dataclass(frozen=True)
class Tap:
    """Tap `time` of the conv (0 the oldest) falls on a shuffled frame of phase z."""

    time: int
    z: int


Taps = Sequence[Tap]

# an upsampler that leaves time alone: the conv's three taps on three low-resolution frames
STILL = ((Tap(0, 0),), (Tap(1, 0),), (Tap(2, 0),))
# the clip's second frame: the first one stands for the frame before it too
STILL_SECOND = ((Tap(0, 0), Tap(1, 0)), (Tap(2, 0),))
# one that doubles the frames; by phase of time: the taps on the frame before, and on the present one
DOUBLED = (
    ((Tap(0, 0), Tap(1, 1)), (Tap(2, 0),)),
    ((Tap(0, 1),), (Tap(1, 0), Tap(2, 1))),
)
# the clip's second frame: the first one gave V(0, 0) alone, which stands for V(0, 1) too
SECOND = (
    ((Tap(0, 0), Tap(1, 0)), (Tap(2, 0),)),
    ((Tap(0, 0),), (Tap(1, 0), Tap(2, 1))),
)
# the clip's first frame: V(0, 0) three times
FIRST = ((Tap(0, 0), Tap(1, 0), Tap(2, 0)),)


@dataclass(frozen=True)
class PhaseBias:
    """inside: (C',), the bias of one phase. row, column, corner: what it loses in the phase's outermost row,
    column and corner, where taps fall on the zeros outside, which carry no bias of the expansion."""

    inside: Tensor
    row: Tensor
    column: Tensor
    corner: Tensor

    def by_place(self, ay: int, ax: int) -> Tensor:
        """(3, 3, C'): the bias of phase (ay, ax) in the picture's first row, inside and in its last; columns
        alike."""
        table = self.inside.repeat(3, 3, 1)
        table[2 * ay] -= self.row
        table[:, 2 * ax] -= self.column
        table[2 * ay, 2 * ax] += self.corner
        return table


class Folder:
    """The weights of one upsampler, summed to kernels in float32.

    conv: (C', C, 3, 3, 3), conv_bias: (C',). expansion: (4 z C, C, 1, 1, 1) with its bias, channels ordered
    (row, column, frame, channel), the row slowest.
    """

    def __init__(self, conv: Tensor, conv_bias: Tensor, expansion: Tensor, expansion_bias: Tensor) -> None:
        channels = conv.shape[1]
        frames = expansion.shape[0] // (4 * channels)
        self._conv = conv.float().permute(2, 3, 4, 0, 1).contiguous()
        self._bias = conv_bias.float()
        self.channels = len(self._bias)
        self._expansion = expansion.float().view(2, 2, frames, channels, -1)
        self._shift = expansion_bias.float().view(2, 2, frames, channels)

    def kernel(self, ay: int, ax: int, taps: Taps) -> Tensor:
        """The (C', C, 2, 2) kernel of all taps that fall on one low-resolution frame."""
        return self._landed(self._expansion, ay, ax, taps).permute(2, 3, 0, 1)

    def bias(self, ay: int, ax: int, taps: Taps) -> PhaseBias:
        """The bias of one phase. taps: those on all frames."""
        shifts = self._landed(self._shift.unsqueeze(-1), ay, ax, taps).squeeze(-1)
        # the upper row of taps leaves the picture in phase 0, the lower one in phase 1; columns alike
        inside = self._bias + shifts.sum((0, 1))
        return PhaseBias(inside, shifts[ay].sum(0), shifts[:, ax].sum(0), shifts[ay, ax])

    def whole(self, taps: Sequence[Taps]) -> tuple[Tensor, Tensor]:
        """All phases in space: weight (2, 2, C', C, frames, 2, 2) and bias (2, 2, 3, 3, C') as
        `ops.reference.conv_phases` takes them. taps: those on each low-resolution frame, the oldest first."""
        every = [tap for frame in taps for tap in frame]
        weight = [[torch.stack([self.kernel(ay, ax, t) for t in taps], 2) for ax in (0, 1)] for ay in (0, 1)]
        bias = [[self.bias(ay, ax, every).by_place(ay, ax) for ax in (0, 1)] for ay in (0, 1)]
        return torch.stack([torch.stack(row) for row in weight]), torch.stack([torch.stack(b) for b in bias])

    def _landed(self, factors: Tensor, ay: int, ax: int, taps: Taps) -> Tensor:
        """The conv's nine taps times the expansion's factors (2, 2, z, C, n), summed over time and over the
        folded tap where they land: (2, 2, C', n)."""
        rows, columns = [(ay + r - 1) % 2 for r in range(3)], [(ax + s - 1) % 2 for s in range(3)]
        products = [
            torch.stack([self._conv[tap.time] for tap in taps if tap.z == z]).sum(0)
            @ factors[rows][:, columns, z]
            for z in {tap.z for tap in taps}
        ]
        return _in_two(_in_two(torch.stack(products).sum(0), ay, 0), ax, 1)


def _in_two(taps: Tensor, phase: int, dim: int) -> Tensor:
    """Three taps of a side, summed to the two that are left: the second falls beside the third in phase 0,
    beside the first in phase 1."""
    parts = taps.split((1, 2) if phase == 0 else (2, 1), dim)
    return torch.stack([part.sum(dim) for part in parts], dim)
