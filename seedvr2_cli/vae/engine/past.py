"""What a wide causal conv remembers: its last two frames, normalised, each in a home."""

from collections.abc import Callable, Sequence
from typing import Protocol

from torch import Tensor

from seedvr2_cli.vae.engine.buffers import Buffers, Form


class Home(Protocol):
    """Where one remembered frame lies, as rows of its slot, border included.

    lent: `get` gives the home's own rows, which are good until others are put in their place.
    """

    lent: bool

    @property
    def nbytes(self) -> int: ...

    def soon(self, first: int, last: int) -> None:
        """Rows [first, last) will be asked for next."""
        ...

    def get(self, first: int, last: int) -> Tensor:
        """Rows [first, last), on the kernels' device, good until the call after the next."""
        ...

    def put(self, first: int, rows: Tensor) -> None:
        """New rows, from `first` on, in place of those that are there."""
        ...

    def settle(self) -> None:
        """From here on the memory of what was put may be written over."""
        ...

    def release(self) -> None:
        """Nobody asks for it any more."""
        ...


class InMemory:
    """A buffer on the kernels' device, or in a mapped file. data: all rows."""

    lent = True

    def __init__(self, form: Form, buffers: Buffers) -> None:
        self.data = buffers.take(form)
        self._buffers = buffers

    @property
    def nbytes(self) -> int:
        return self.data.nbytes

    def soon(self, first: int, last: int) -> None:
        """It is there."""

    def get(self, first: int, last: int) -> Tensor:
        return self.data[first:last]

    def put(self, first: int, rows: Tensor) -> None:
        self.data[first : first + len(rows)] = rows

    def settle(self) -> None:
        """It has been copied."""

    def release(self) -> None:
        self._buffers.give(self.data)
        del self.data


class Past:
    """frames: the oldest first; none at a clip's start; after its first frame one, which stands for both.
    make: a home for a frame of this form, which is number 0 or 1: where homes are used again, a conv has two.
    """

    def __init__(self, make: Callable[[Form, int], Home]) -> None:
        self.frames: tuple[Home, ...] = ()
        self._make = make
        self._made = 0

    def open(self, form: Form, count: int, *, over_oldest: bool) -> list[Home]:
        """Homes for so many new frames. over_oldest: those that end with this step are used again, row by
        row; else all are new."""
        spent = len(self.frames) + count - 2 if over_oldest else 0
        homes = list(self.frames[: max(0, spent)])
        while len(homes) < count:
            homes.append(self._make(form, self._made % 2))
            self._made += 1
        return homes

    def close(self, homes: Sequence[Home]) -> None:
        """Remember the last two frames of what is there and what has come; without homes, nothing."""
        kept = (*self.frames, *homes)[-2:] if homes else ()
        for home in self.frames:
            if all(home is not other for other in kept):
                home.release()
        self.frames = kept
