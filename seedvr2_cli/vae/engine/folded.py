"""The kernels of folded upsamplers, in the engine's two forms: as sums of 2-D convs, or whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels, Packed
from seedvr2_cli.ops.moments import Moments
from seedvr2_cli.ops.slot_convs import Edges, SlotConvs
from seedvr2_cli.vae.engine.buffers import Scratch
from seedvr2_cli.vae.engine.fold import (
    DOUBLED,
    FIRST,
    PHASES,
    SECOND,
    STILL,
    STILL_SECOND,
    Folder,
    PhaseBias,
    Taps,
)
from seedvr2_cli.vae.engine.triple import Triple


@dataclass(frozen=True)
class Place:
    """Where rows lie, and what they are computed with. edges: whether they touch the frame's top, and its
    bottom; scale: of the slots' codes."""

    edges: Edges
    scale: float
    scratch: Scratch


class FoldedFilter(Protocol):
    """What an upsampler computes from slots. slot_type: what they hold; first_code: as in SlotConvs.
    in_pairs: as in Filter."""

    slot_type: torch.dtype
    first_code: float | None
    in_pairs: bool

    def fill(self, rows: Tensor, out: Tensor, scale: float) -> None:
        """Rows of a map into a slot's. scale: of its codes."""
        ...

    def __call__(
        self, frames: Sequence[Tensor], seen: int, outs: Sequence[Tensor], place: Place
    ) -> Sequence[Moments] | None:
        """Write outs, rows (2 r, 2 W, O). Returns their moments, None where they are not known.

        frames: rows (r + 2, W, I) of slots, the remembered ones first. seen: frames before the new ones.
        """
        ...


class _InMapsType:
    """Slots that hold the maps' own type."""

    first_code: float | None = None

    def __init__(self, dtype: torch.dtype, *, in_pairs: bool = False) -> None:
        self.slot_type = dtype
        self.in_pairs = in_pairs

    def fill(self, rows: Tensor, out: Tensor, scale: float) -> None:
        out.copy_(rows)


class SummedStill(_InMapsType):
    """An upsampler that leaves time alone: three taps in time for each phase."""

    def __init__(self, kernels: Kernels, folder: Folder, dtype: torch.dtype, *, in_pairs: bool) -> None:
        super().__init__(dtype, in_pairs=in_pairs)
        self._phases = []
        every = [tap for taps in STILL for tap in taps]
        for place in PHASES:
            phase = _Phase(folder.bias(*place, every), place, kernels)
            taps = [folder.kernel(*place, taps) for taps in STILL]
            triple = Triple(kernels, taps, phase.inside, dtype, columns=1, in_pairs=in_pairs)
            self._phases.append((phase, triple))

    def __call__(
        self, frames: Sequence[Tensor], seen: int, outs: Sequence[Tensor], place: Place
    ) -> Sequence[Moments] | None:
        old = len(frames) - len(outs)
        for phase, triple in self._phases:
            totals = triple([phase.read(rows) for rows in frames], old, place.scratch)
            for total, out in zip(totals, outs, strict=True):
                phase.write(total, out, place.edges)
        return None


class SummedDoubled(_InMapsType):
    """An upsampler that doubles the frames: two taps in time, but for a clip's first frame."""

    def __init__(self, kernels: Kernels, folder: Folder, dtype: torch.dtype) -> None:
        super().__init__(dtype)
        self._first = [[_Sum(kernels, folder, place, FIRST, dtype) for place in PHASES]]
        self._steady = [[_Sum(kernels, folder, place, taps, dtype) for place in PHASES] for taps in DOUBLED]
        self._second = [
            [
                _Sum(kernels, folder, place, taps, dtype, newest=steady.newest)
                for place, steady in zip(PHASES, s, strict=True)
            ]
            for taps, s in zip(SECOND, self._steady, strict=True)
        ]

    def __call__(
        self, frames: Sequence[Tensor], seen: int, outs: Sequence[Tensor], place: Place
    ) -> Sequence[Moments] | None:
        by_frame = (self._first, self._second, self._steady)[min(seen, 2)]
        for phases, out in zip(by_frame, outs, strict=True):
            for one in phases:
                one.phase.write(one(frames), out, place.edges)
        return None


class _InCodes:
    """Slots of a back end that takes all phases in space at once, moments included."""

    in_pairs = False

    def __init__(self, convs: SlotConvs, dtype: torch.dtype) -> None:
        unit = convs.raw_codes(1.0)
        self.slot_type = unit.dtype if unit else dtype
        self.first_code = convs.first_code
        self._convs = convs

    def fill(self, rows: Tensor, out: Tensor, scale: float) -> None:
        self._convs.fill(rows, None, out, self._convs.raw_codes(scale))


class WholeStill(_InCodes):
    """As SummedStill."""

    def __init__(self, convs: SlotConvs, folder: Folder, dtype: torch.dtype) -> None:
        super().__init__(convs, dtype)
        sets = (FIRST, STILL_SECOND, STILL)
        self._by_count = [convs.phases(*folder.whole(taps), dtype) for taps in sets]

    def __call__(
        self, frames: Sequence[Tensor], seen: int, outs: Sequence[Tensor], place: Place
    ) -> Sequence[Moments] | None:
        old = len(frames) - len(outs)
        moments = []
        for k, out in enumerate(outs):
            slots = tuple(frames[max(0, old + k - 2) : old + k + 1])
            phases = self._by_count[len(slots) - 1]
            moments.append(phases(slots, out, place.edges, place.scale))
        return moments


class WholeDoubled(_InCodes):
    """As SummedDoubled."""

    def __init__(self, convs: SlotConvs, folder: Folder, dtype: torch.dtype) -> None:
        super().__init__(convs, dtype)
        times = ((FIRST,), SECOND, DOUBLED)
        self._times = [[convs.phases(*folder.whole(taps), dtype) for taps in time] for time in times]

    def __call__(
        self, frames: Sequence[Tensor], seen: int, outs: Sequence[Tensor], place: Place
    ) -> Sequence[Moments] | None:
        by_frame = self._times[min(seen, 2)]
        return [
            phases(tuple(frames), out, place.edges, place.scale)
            for phases, out in zip(by_frame, outs, strict=True)
        ]


class _Phase:
    """One output phase in space, of one or two frames. bias: on the kernels' device, float32."""

    def __init__(self, bias: PhaseBias, place: tuple[int, int], kernels: Kernels) -> None:
        self.ay, self.ax = place
        device = kernels.device
        self.inside = bias.inside.to(device)
        self._row, self._column = bias.row.to(device), bias.column.to(device)
        self._corner = bias.corner.to(device)

    def read(self, rows: Tensor) -> Tensor:
        """The rows of a slot that this phase's taps need: (r + 2, w, C) -> (r + 1, w, C)."""
        return rows[self.ay : self.ay + len(rows) - 1]

    def write(self, total: Tensor, out: Tensor, edges: Edges) -> None:
        """total (r, w + 1, C) goes to its places in out (2 r, 2 w, C), the bias mended at the picture's
        border."""
        ay, ax = self.ay, self.ax
        place = out[ay::2, ax::2]
        place.copy_(total[:, ax : ax + place.shape[1]])
        edge = -1 if ax else 0
        place[:, edge] -= self._column.to(out.dtype)
        if edges[ay]:
            outermost = place[-1 if ay else 0]
            outermost -= self._row.to(out.dtype)
            outermost[edge] += self._corner.to(out.dtype)


class _Sum:
    """One phase in space and time: the convs of the frame before, where there is one, and of this one."""

    def __init__(
        self,
        kernels: Kernels,
        folder: Folder,
        place: tuple[int, int],
        taps: Sequence[Taps],
        dtype: torch.dtype,
        newest: Packed | None = None,
    ) -> None:
        self._kernels = kernels
        self.phase = _Phase(folder.bias(*place, [tap for frame in taps for tap in frame]), place, kernels)
        *before, present = taps
        self._before = [kernels.pack(folder.kernel(*place, frame), dtype, columns=1) for frame in before]
        self.newest = newest or kernels.pack(folder.kernel(*place, present), dtype, columns=1)

    def __call__(self, frames: Sequence[Tensor]) -> Tensor:
        rows = [self.phase.read(part) for part in frames]
        total = self._kernels.conv(rows[-1], self.newest, self.phase.inside)
        for part, kernel in zip(rows, self._before, strict=False):
            self._kernels.add_conv(total, part, kernel)
        return total
