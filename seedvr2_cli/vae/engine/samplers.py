"""Upsamplers in their folded form, and downsamplers."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels, Packed
from seedvr2_cli.ops.moments import Moments
from seedvr2_cli.vae.engine.buffers import Form
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.fold import DOUBLED, FIRST, PHASES, SECOND, STILL, Folder, PhaseBias, Taps
from seedvr2_cli.vae.engine.frames import KeptSlot, Map, Source, Strips
from seedvr2_cli.vae.engine.triple import Triple

Write = Callable[[int, int, Sequence[Tensor]], None]  # low-resolution rows [first, last), into these rows


class FoldedPhase:
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

    def write(self, total: Tensor, out: Tensor, *, top: bool, bottom: bool) -> None:
        """total (r, w + 1, C) goes to its places in out (2 r, 2 w, C), the bias mended at the picture's
        border. top, bottom: the strip touches it."""
        ay, ax = self.ay, self.ax
        place = out[ay::2, ax::2]
        place.copy_(total[:, ax : ax + place.shape[1]])
        edge = -1 if ax else 0
        place[:, edge] -= self._column.to(out.dtype)
        if bottom if ay else top:
            outermost = place[-1 if ay else 0]
            outermost -= self._row.to(out.dtype)
            outermost[edge] += self._corner.to(out.dtype)


class Upsampled:
    """An upsampler's output that is not stored: its rows are computed whenever they are read."""

    def __init__(self, form: Form, strips: Strips, write: Write, kernels: Kernels, done: Callable[[], None]):
        self.form = form
        self._strips = strips
        self._write = write
        self._kernels = kernels
        self._done = done
        self._moments: Moments | None = None

    @property
    def moments(self) -> Moments:
        if self._moments is None:
            for first, last in self._strips.over(self.form.height, self.form.width * self.form.channels):
                part = self._kernels.moments(self.rows(first, last))
                self._moments = self._moments.merged(part) if self._moments else part
        assert self._moments is not None
        return self._moments

    def rows(self, first: int, last: int) -> Tensor:
        low, high = first // 2, (last + 1) // 2
        shape = (2 * (high - low), self.form.width, self.form.channels)
        out = torch.empty(shape, dtype=self.form.dtype, device=self._kernels.device)
        self._write(low, high, (out,))
        return out[first - 2 * low : last - 2 * low]

    def release(self) -> None:
        self._done()


class Upsample:
    """What both kinds have in common: the slots of their input, and strips of their output."""

    reach: int  # frames back

    def __init__(self, index: int, channels: int, dtype: torch.dtype) -> None:
        self.index = index
        self.channels = channels
        self._dtype = dtype

    def _slot(self, now: Pass, source: Source) -> KeptSlot:
        of = source.form
        form = Form(of.height, of.width, of.channels, self._dtype, top=1, bottom=1)
        return KeptSlot(source, None, form, now.kernels, now.memory.slots)

    def _form(self, source: Source) -> Form:
        return Form(2 * source.form.height, 2 * source.form.width, self.channels, self._dtype)

    def _map(self, now: Pass, form: Form, count: int, write: Write) -> list[Map]:
        """The maps of `count` frames, written strip by strip."""
        outs = [Map(form, now.buffers) for _ in range(count)]
        for first, last in now.strips.over(form.height // 2, 2 * form.width * form.channels):
            rows = [out.data[2 * first : 2 * last] for out in outs]
            write(first, last, rows)
            for out, written in zip(outs, rows, strict=True):
                out.wrote(now.kernels.moments(written))
        return outs

    def _finish(self, now: Pass, slots: Sequence[KeptSlot]) -> None:
        now.remember(self.index, slots, reach=self.reach)
        if not now.keep:
            for slot in slots:
                now.memory.slots.give(slot.form, slot.data)


class StillUpsample(Upsample):
    """Twice the width and height: three taps in time for each phase."""

    reach = 2

    def __init__(
        self, index: int, kernels: Kernels, folder: Folder, dtype: torch.dtype, *, in_pairs: bool
    ) -> None:
        super().__init__(index, folder.channels, dtype)
        self._phases = []
        every = [tap for taps in STILL for tap in taps]
        for place in PHASES:
            phase = FoldedPhase(folder.bias(*place, every), place, kernels)
            taps = [folder.kernel(*place, taps) for taps in STILL]
            triple = Triple(kernels, taps, phase.inside, dtype, columns=1, in_pairs=in_pairs)
            self._phases.append((phase, triple))

    def __call__(self, now: Pass, sources: Sequence[Source]) -> list[Map]:
        """One or two frames (h, w, C) -> as many of (2 h, 2 w, C')."""
        slots = [self._slot(now, source) for source in sources]
        outs = self._map(now, self._form(sources[0]), len(sources), self._writer(now, slots))
        self._finish(now, slots)
        return outs

    def unstored(self, now: Pass, source: Source) -> Upsampled:
        """One frame whose rows are computed as they are read; it is to be released before the next.

        The source is copied to its slot, and released.
        """
        slot = self._slot(now, source)
        slot.rows(0, slot.form.shape[0])
        source.release()
        return Upsampled(
            self._form(source),
            now.strips,
            self._writer(now, [slot]),
            now.kernels,
            lambda: self._finish(now, [slot]),
        )

    def _writer(self, now: Pass, slots: Sequence[KeptSlot]) -> Write:
        held = now.memory.recall(self.index)
        height = slots[0].form.height

        def write(first: int, last: int, outs: Sequence[Tensor]) -> None:
            news = [slot.rows(first, last + 2) for slot in slots]
            olds = [old[first : last + 2] for old in held]
            for phase, triple in self._phases:
                frames = [phase.read(rows) for rows in (*olds, *news)]
                totals = triple(frames, len(olds), now.memory.scratch)
                for total, out in zip(totals, outs, strict=True):
                    phase.write(total, out, top=first == 0, bottom=last == height)

        return write


class DoubledUpsample(Upsample):
    """Twice the width, height and frames, but for a clip's first frame, which stays one."""

    reach = 1

    def __init__(self, index: int, kernels: Kernels, folder: Folder, dtype: torch.dtype) -> None:
        super().__init__(index, folder.channels, dtype)
        self._first = [_Sum(kernels, folder, place, FIRST, dtype) for place in PHASES]
        self._steady = [[_Sum(kernels, folder, place, taps, dtype) for place in PHASES] for taps in DOUBLED]
        self._second = [
            [
                _Sum(kernels, folder, place, taps, dtype, newest=steady.newest)
                for place, steady in zip(PHASES, s, strict=True)
            ]
            for taps, s in zip(SECOND, self._steady, strict=True)
        ]

    def __call__(self, now: Pass, source: Source) -> list[Map]:
        """One frame (h, w, C) -> two of (2 h, 2 w, C'), one at a clip's start."""
        slot = self._slot(now, source)
        held = now.memory.recall(self.index)
        seen = now.memory.seen(self.index)
        sums = [self._first] if not held else self._second if seen == 1 else self._steady
        height = slot.form.height

        def write(first: int, last: int, outs: Sequence[Tensor]) -> None:
            frames = [old[first : last + 2] for old in held] + [slot.rows(first, last + 2)]
            for phases, out in zip(sums, outs, strict=True):
                for one in phases:
                    one.phase.write(one(frames), out, top=first == 0, bottom=last == height)

        outs = self._map(now, self._form(source), len(sums), write)
        self._finish(now, [slot])
        return outs


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
        self.phase = FoldedPhase(
            folder.bias(*place, [tap for frame in taps for tap in frame]), place, kernels
        )
        *before, present = taps
        self._before = [kernels.pack(folder.kernel(*place, frame), dtype, columns=1) for frame in before]
        self.newest = newest or kernels.pack(folder.kernel(*place, present), dtype, columns=1)

    def __call__(self, frames: Sequence[Tensor]) -> Tensor:
        rows = [self.phase.read(part) for part in frames]
        total = self._kernels.conv(rows[-1], self.newest, self.phase.inside)
        for part, kernel in zip(rows, self._before, strict=False):
            self._kernels.add_conv(total, part, kernel)
        return total


class Downsample:
    """Half the width and height; where halves_time, half the frames too, but for a clip's first."""

    def __init__(
        self, index: int, kernels: Kernels, weight: Tensor, bias: Tensor, dtype: torch.dtype
    ) -> None:
        self.index = index
        self._dtype = dtype
        self._kernels = kernels
        self._bias = bias.to(kernels.device, torch.float32)
        taps = weight.float().unbind(2)
        self.channels = weight.shape[0]
        self.halves_time = len(taps) == 3
        self._taps = [kernels.pack(tap, dtype, stride=2) for tap in taps]
        self._merged = kernels.pack(torch.stack(taps).sum(0), dtype, stride=2) if self.halves_time else None

    def __call__(self, now: Pass, source: Source) -> Map | None:
        """One frame (h, w, C) -> (h // 2, w // 2, C'); None where it waits for the next one."""
        of = source.form
        form = Form(of.height, of.width, of.channels, self._dtype, bottom=1, right=1)
        slot = now.slot(source, None, form, keep=self.halves_time and now.keep)
        held = now.memory.recall(self.index) if self.halves_time else ()
        if len(held) == 1:
            slot.rows(0, form.shape[0])
            now.remember(self.index, [slot])
            return None
        out = Map(Form(of.height // 2, of.width // 2, self.channels, of.dtype), now.buffers)
        for first, last in now.strips.over(out.form.height, out.form.width * self.channels):
            rows = out.data[first:last]
            span = slice(2 * first, 2 * last + 1)
            news = slot.rows(span.start, span.stop)
            rows.copy_(self._total([old[span] for old in held], news))
            out.wrote(now.kernels.moments(rows))
        if self.halves_time:
            now.remember(self.index, [slot], reach=1)
        return out

    def _total(self, olds: Sequence[Tensor], new: Tensor) -> Tensor:
        if self.halves_time and not olds:
            assert self._merged is not None
            return self._kernels.conv(new, self._merged, self._bias)
        total = self._kernels.conv(new, self._taps[-1], self._bias)
        for old, tap in zip(olds, self._taps, strict=False):
            self._kernels.add_conv(total, old, tap)
        return total
