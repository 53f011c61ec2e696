"""The causal convs: wide ones over slots, and those of few channels, which are cheaper otherwise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.moments import Norm
from seedvr2_cli.vae.engine.buffers import Buffers, Form
from seedvr2_cli.vae.engine.filters import Filter, plain_fill
from seedvr2_cli.vae.engine.frames import KeptSlot, Map, Measured, Slot, Source, Strips
from seedvr2_cli.vae.engine.memory import ClipMemory
from seedvr2_cli.vae.engine.past import Home, InMemory


@dataclass(frozen=True)
class Pass:
    """What a group of frames is taken through the layers with.

    keep: frames follow that need its memory. in_pairs: two frames at a time where the clip has them.
    stores_last: the last upsampler's output is held, not computed again wherever it is read.
    """

    kernels: Kernels
    memory: ClipMemory
    strips: Strips
    keep: bool
    in_pairs: bool = True
    stores_last: bool = True

    @property
    def buffers(self) -> Buffers:
        return self.memory.buffers

    def slot(self, source: Source, form: Form, *, keep: bool) -> Slot | KeptSlot:
        """The slot of a map that is read as it is: one that is kept, or one that passes."""
        fill = partial(plain_fill, self.kernels)
        if keep:
            return KeptSlot(source, None, form, fill, self.memory.slots.take(form))
        return Slot(source, None, form, fill, self.memory.scratch)

    def remember(self, conv: int, slots: Sequence[Slot | KeptSlot], *, reach: int = 2) -> None:
        """Hold the last slots of a conv that looks `reach` frames back, or nothing if no frames follow."""
        if not self.keep:
            self.memory.forget(conv)
            return
        fresh = tuple(slot.data for slot in slots if isinstance(slot, KeptSlot))
        held = (*self.memory.recall(conv), *fresh)[-reach:]
        self.memory.keep(conv, slots[0].form, held, self.memory.seen(conv) + len(slots))


Residual = Callable[[int, int], Tensor]  # rows [first, last) to be added to a conv's


class CausalConv:
    """A 3x3x3 conv whose input is a normalised map.

    index: its place in a clip's memory.
    """

    def __init__(self, index: int, norm: Norm, filter: Filter, channels: int) -> None:
        self.index = index
        self._norm = norm
        self._filter = filter
        self.channels = channels

    @property
    def in_pairs(self) -> bool:
        """Two frames at once cost less than one after the other."""
        return self._filter.in_pairs

    def __call__(
        self,
        now: Pass,
        sources: Sequence[Measured],
        outs: Sequence[Map],
        residuals: Sequence[Residual] | None = None,
    ) -> None:
        """Write outs from sources, one or two frames in order; an out may be the source's own map.

        The rows that a strip writes have been read before: the slot is one row ahead.
        """
        of = sources[0].form
        kind, zero = self._filter.slot_type, self._filter.zero
        form = Form(of.height, of.width, of.channels, kind, top=1, bottom=1, zero=zero)
        strips = list(now.strips.over(of.height, of.width * self.channels))
        past = now.memory.past(self.index)
        cut = len(strips) > 1 or now.memory.apart(form)
        homes = past.open(form, len(sources), over_oldest=cut) if now.keep else []
        slots = self._slots(now, sources, form, [] if cut else homes)
        for (first, last), following in zip(strips, [*strips[1:], None], strict=True):
            olds = [home.get(first, last + 2) for home in past.frames]
            for home in homes:
                home.settle()
            news = [slot.rows(first, last + 2) for slot in slots]
            done = last if last < of.height else last + 2  # the next strip reads the last two rows again
            moves = [(home, rows[: done - first]) for home, rows in zip(homes, news, strict=False) if cut]
            _put(moves, first, lent=False)
            if following:
                for home in past.frames:
                    home.soon(following[0], following[1] + 2)
            beside = [partial(rows, first, last) for rows in residuals] if residuals else None
            if first == 0:
                for out in outs:
                    out.rewrite()
            written = [out.data[first:last] for out in outs]
            moments = self._filter([*olds, *news], len(olds), written, beside, now.memory.scratch)
            for out, part in zip(outs, moments, strict=True):
                out.wrote(part)
            _put(moves, first, lent=True)
        for home in homes:
            home.settle()
        past.close(homes)

    def _slots(
        self, now: Pass, sources: Sequence[Measured], form: Form, homes: Sequence[Home]
    ) -> list[Slot | KeptSlot]:
        """Slots that pass, or that are filled in their homes, where there are any in memory."""
        slots: list[Slot | KeptSlot] = []
        for k, source in enumerate(sources):
            affine, home = source.moments.affine(self._norm), homes[k] if homes else None
            if isinstance(home, InMemory):
                slots.append(KeptSlot(source, affine, form, self._filter.fill, home.data))
            else:
                slots.append(Slot(source, affine, form, self._filter.fill, now.memory.scratch, k))
        return slots


def _put(moves: Sequence[tuple[Home, Tensor]], first: int, *, lent: bool) -> None:
    """Rows go home: before the conv, to be copied beside it, or behind it where it still reads them there."""
    for home, rows in moves:
        if home.lent == lent:
            home.put(first, rows)


class StackedConv:
    """A 3x3x3 conv of few input channels: its three frames are laid side by side in the channels of one rows'
    buffer, so that one 2-D conv does it."""

    def __init__(
        self, index: int, kernels: Kernels, weight: Tensor, bias: Tensor, dtype: torch.dtype
    ) -> None:
        self.index = index
        self.channels = weight.shape[0]
        self._dtype = dtype
        self._inputs = weight.shape[1]
        side_by_side = weight.permute(0, 2, 1, 3, 4).flatten(1, 2)  # (O, 3 I, 3, 3)
        self._kernel = kernels.pack(side_by_side, dtype, columns=1)
        self._bias = bias.to(kernels.device, torch.float32)

    def __call__(self, now: Pass, source: Source, out: Map) -> None:
        """Write out, one frame, from source."""
        of = source.form
        form = Form(of.height, of.width, of.channels, self._dtype, top=1, bottom=1)
        slot = now.slot(source, form, keep=now.keep)
        held = now.memory.recall(self.index)
        for first, last in now.strips.over(of.height, of.width * self.channels):
            new = slot.rows(first, last + 2)
            olds = [old[first : last + 2] for old in held] or [new]
            side_by_side = now.memory.scratch.take("stacked", (*new.shape[:2], 3 * self._inputs), self._dtype)
            for k, rows in enumerate((olds[0], olds[-1], new)):
                side_by_side[..., k * self._inputs : (k + 1) * self._inputs] = rows
            rows = out.data[first:last]
            rows.copy_(now.kernels.conv(side_by_side, self._kernel, self._bias))
            out.wrote(now.kernels.moments(rows))
        now.remember(self.index, (slot,))


class NarrowConv:
    """A 3x3x3 conv of few output channels, in float32: each frame goes through the three taps at once, and
    what later frames need is held as sums of those, in place of its input."""

    def __init__(self, index: int, kernels: Kernels, norm: Norm, weight: Tensor, bias: Tensor) -> None:
        self.index = index
        self.channels = weight.shape[0]
        self._norm = norm
        taps = weight.permute(2, 0, 1, 3, 4).flatten(0, 1)  # (3 O, I, 3, 3), the oldest tap first
        self._kernel = kernels.pack(taps, torch.float32, columns=1)
        self._bias = bias.to(kernels.device, torch.float32)

    def __call__(self, now: Pass, source: Measured, out: Tensor) -> None:
        """Write out, (H, W, O) float32."""
        of, o = source.form, self.channels
        read = Form(of.height, of.width, of.channels, of.dtype, top=1, bottom=1)
        affine, fill = source.moments.affine(self._norm), partial(plain_fill, now.kernels)
        slot = Slot(source, affine, read, fill, now.memory.scratch)
        form = Form(of.height, of.width, 2 * o, torch.float32)
        held = now.memory.recall(self.index)
        sums = held[0] if held else now.memory.slots.take(form) if now.keep else None
        for first, last in now.strips.over(of.height, of.width * of.channels):
            rows = slot.rows(first, last + 2)
            exact = now.memory.scratch.take("exact", rows.shape, torch.float32)
            taps = now.kernels.conv(exact.copy_(rows), self._kernel)
            oldest, middle, newest = taps[..., :o], taps[..., o : 2 * o], taps[..., 2 * o :]
            # the next frame lacks its newest tap, the one after its middle one too
            sum_rows = sums[first:last] if sums is not None else taps[..., : 2 * o]
            soon, later = sum_rows[..., :o], sum_rows[..., o:]
            if held:
                torch.add(newest, soon, out=out[first:last])
                torch.add(middle, later, out=soon)
            else:
                torch.add(oldest, middle, out=out[first:last])
                soon.copy_(out[first:last])
                out[first:last].add_(newest)
            later.copy_(oldest)
            out[first:last].add_(self._bias)
        if now.keep and sums is not None:
            now.memory.keep(self.index, form, (sums,), 1)
        else:
            now.memory.forget(self.index)
