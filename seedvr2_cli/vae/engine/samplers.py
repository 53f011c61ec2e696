"""Upsamplers in their folded form, and downsamplers."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.moments import Moments
from seedvr2_cli.ops.scales import scale_for
from seedvr2_cli.ops.slot_convs import Affine
from seedvr2_cli.vae.engine.buffers import Form
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.folded import FoldedFilter, Place
from seedvr2_cli.vae.engine.frames import KeptSlot, Map, Measured, Source, Strips

# low-resolution rows [first, last), into these rows; their moments, None where they are not known
Write = Callable[[int, int, Sequence[Tensor]], Sequence[Moments] | None]


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

    def __init__(self, index: int, filter: FoldedFilter, channels: int, dtype: torch.dtype) -> None:
        self.index = index
        self.channels = channels
        self._filter = filter
        self._dtype = dtype

    def _slot(self, now: Pass, source: Measured, scale: float) -> KeptSlot:
        of = source.form
        form = Form(of.height, of.width, of.channels, self._filter.slot_type, top=1, bottom=1)

        def fill(rows: Tensor, affine: Affine | None, out: Tensor) -> None:
            self._filter.fill(rows, out, scale)

        return KeptSlot(source, None, form, fill, now.memory.slots.take(form))

    def _scale(self, now: Pass, source: Measured) -> float:
        """Of the slots' codes, the same for a whole clip: what its first frame asks for, and room above."""
        first_code = self._filter.first_code
        if first_code is None:
            return 1.0
        scale = now.memory.scales.get(self.index)
        if scale is None:
            largest = float(source.rows(0, source.form.height).abs().max())
            scale = now.memory.scales[self.index] = scale_for(largest, first_code)
        return scale

    def _form(self, source: Source) -> Form:
        return Form(2 * source.form.height, 2 * source.form.width, self.channels, self._dtype)

    def _writer(self, now: Pass, slots: Sequence[KeptSlot], scale: float) -> Write:
        held, seen = now.memory.recall(self.index), now.memory.seen(self.index)
        height = slots[0].form.height

        def write(first: int, last: int, outs: Sequence[Tensor]) -> Sequence[Moments] | None:
            frames = [old[first : last + 2] for old in held] + [slot.rows(first, last + 2) for slot in slots]
            place = Place((first == 0, last == height), scale, now.memory.scratch)
            return self._filter(frames, seen, outs, place)

        return write

    def _map(self, now: Pass, form: Form, count: int, write: Write) -> list[Map]:
        """The maps of `count` frames, written strip by strip."""
        outs = [Map(form, now.buffers) for _ in range(count)]
        for first, last in now.strips.over(form.height // 2, 2 * form.width * form.channels):
            rows = [out.data[2 * first : 2 * last] for out in outs]
            moments = write(first, last, rows) or [now.kernels.moments(written) for written in rows]
            for out, part in zip(outs, moments, strict=True):
                out.wrote(part)
        return outs

    def _finish(self, now: Pass, slots: Sequence[KeptSlot]) -> None:
        now.remember(self.index, slots, reach=self.reach)
        if not now.keep:
            for slot in slots:
                now.memory.slots.give(slot.data)
                del slot.data  # the output, where it is computed as it is read, may still know the slot


class StillUpsample(Upsample):
    """Twice the width and height: three taps in time for each phase."""

    reach = 2

    @property
    def in_pairs(self) -> bool:
        """See CausalConv."""
        return self._filter.in_pairs

    def __call__(self, now: Pass, sources: Sequence[Measured]) -> list[Map]:
        """One or two frames (h, w, C) -> as many of (2 h, 2 w, C')."""
        scale = self._scale(now, sources[0])
        slots = [self._slot(now, source, scale) for source in sources]
        outs = self._map(now, self._form(sources[0]), len(sources), self._writer(now, slots, scale))
        self._finish(now, slots)
        return outs

    def unstored(self, now: Pass, source: Measured) -> Upsampled:
        """One frame whose rows are computed as they are read; it is to be released before the next.

        The source is copied to its slot, and released.
        """
        scale = self._scale(now, source)
        slot = self._slot(now, source, scale)
        slot.rows(0, slot.form.shape[0])
        source.release()
        return Upsampled(
            self._form(source),
            now.strips,
            self._writer(now, [slot], scale),
            now.kernels,
            lambda: self._finish(now, [slot]),
        )


class DoubledUpsample(Upsample):
    """Twice the width, height and frames, but for a clip's first frame, which stays one."""

    reach = 1

    def __call__(self, now: Pass, source: Measured) -> list[Map]:
        """One frame (h, w, C) -> two of (2 h, 2 w, C'), one at a clip's start."""
        scale = self._scale(now, source)
        slot = self._slot(now, source, scale)
        count = 2 if now.memory.seen(self.index) else 1
        outs = self._map(now, self._form(source), count, self._writer(now, [slot], scale))
        self._finish(now, [slot])
        return outs


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
        slot = now.slot(source, form, keep=self.halves_time and now.keep)
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
