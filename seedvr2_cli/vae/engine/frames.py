"""One frame between two layers: the map a layer writes, strip by strip, and the rows the next one reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from seedvr2_cli.ops.moments import Moments
from seedvr2_cli.ops.slot_convs import Affine
from seedvr2_cli.vae.engine.buffers import Buffers, Form, Scratch

Range = tuple[int, int]  # rows [first, last)
Fill = Callable[[Tensor, Affine | None, Tensor], None]  # rows of a map, normalised, into a slot's


class Source(Protocol):
    """A frame that can be read in rows. form: that of the whole map."""

    form: Form

    def rows(self, first: int, last: int) -> Tensor:
        """Rows [first, last), (n, W, C)."""
        ...

    def release(self) -> None:
        """Nobody reads it any more."""
        ...


class Given:
    """A frame that somebody else owns. data: (H, W, C)."""

    def __init__(self, data: Tensor) -> None:
        height, width, channels = data.shape
        self.form = Form(height, width, channels, data.dtype)
        self._data = data

    def rows(self, first: int, last: int) -> Tensor:
        return self._data[first:last]

    def release(self) -> None:
        """Its owner keeps it."""


class Measured(Source, Protocol):
    """A source whose moments are known."""

    @property
    def moments(self) -> Moments: ...


class Map:
    """A frame in memory, and the moments of what was written into it."""

    def __init__(self, form: Form, buffers: Buffers) -> None:
        self.form = form
        self.data = buffers.take(form)
        self._buffers = buffers
        self._moments: Moments | None = None

    @property
    def moments(self) -> Moments:
        assert self._moments is not None, "read before it was written"
        return self._moments

    def rows(self, first: int, last: int) -> Tensor:
        return self.data[first:last]

    def wrote(self, moments: Moments) -> None:
        """More rows are in place; these are their moments."""
        self._moments = self._moments.merged(moments) if self._moments else moments

    def rewrite(self) -> None:
        """Forget the moments: every row is about to be written again."""
        self._moments = None

    def release(self) -> None:
        self._buffers.give(self.data)
        del self.data  # whoever still knows the map must not keep its memory


@dataclass(frozen=True)
class Strips:
    """How frames are cut into rows. rows: the strip height a user or plan asked for, None: what suits
    `elements`, the size of the pieces that should stay in a processor's cache, None: whole frames."""

    rows: int | None
    elements: int | None

    def over(self, height: int, row_elements: int) -> Iterator[Range]:
        """Rows [first, last) from top to bottom. row_elements: values in one row of the result."""
        at_once = self.rows or (self.elements // row_elements if self.elements else height)
        at_once = max(1, min(at_once, height))
        for first in range(0, height, at_once):
            yield first, min(first + at_once, height)


class Slot:
    """What a conv reads of one frame: its rows, normalised or as they are, inside a border of zeros.

    Rows are counted in the slot, its border included, and are filled in as they are asked for, from top to
    bottom. This one holds the rows at hand alone. number: among the slots of one conv.
    """

    def __init__(
        self, source: Source, affine: Affine | None, form: Form, fill: Fill, scratch: Scratch, number: int = 0
    ) -> None:
        self.form = form
        self._filler = _Filler(source, affine, form, fill)
        self._scratch = scratch
        self._name = f"slot {number}"
        self._held: Tensor | None = None
        self._first = self._last = 0  # the rows that are held

    def rows(self, first: int, last: int) -> Tensor:
        """Rows [first, last), (last - first, W + right, C), good until the next call."""
        count, kept = last - first, max(0, self._last - first)
        carried = None
        if kept and self._held is not None:
            carried = self._held[first - self._first : self._last - self._first].clone()
        held = self._scratch.take(self._name, (count, *self.form.shape[1:]), self.form.dtype)
        if self.form.right:
            held[:, self.form.width :].fill_(self.form.zero)
        if carried is not None:
            held[:kept] = carried
        self._filler(held[kept:], first + kept)
        self._first, self._last, self._held = first, last, held
        return held


class KeptSlot:
    """A slot that holds all its rows, and outlives its frame as the memory of a causal conv. data: room for
    them."""

    def __init__(self, source: Source, affine: Affine | None, form: Form, fill: Fill, data: Tensor) -> None:
        self.form = form
        self.data = data
        self._filler = _Filler(source, affine, form, fill)
        self._last = 0

    def rows(self, first: int, last: int) -> Tensor:
        """Rows [first, last), a view of the buffer."""
        if last > self._last:
            self._filler(self.data[self._last : last], self._last)
            self._last = last
        return self.data[first:last]


@dataclass(frozen=True)
class _Filler:
    source: Source
    affine: Affine | None
    form: Form
    write: Fill

    def __call__(self, rows: Tensor, first: int) -> None:
        """Write the slot's rows from `first` on."""
        top, bottom = self.form.top, self.form.top + self.form.height
        last = first + len(rows)
        low, high = min(max(first, top), bottom), min(max(last, top), bottom)
        rows[: low - first].fill_(self.form.zero)
        rows[high - first :].fill_(self.form.zero)
        if low == high:
            return
        part = self.source.rows(low - top, high - top)
        inside = rows[low - first : high - first, : self.form.width]
        self.write(part, self.affine, inside)
