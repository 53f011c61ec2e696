"""A stream of pieces, taken in other lengths than it comes in."""

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, Self, TypeVar


class Sliced(Protocol):
    """Something with a length that can be cut along it: a tensor, an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> Self: ...


Piece = TypeVar("Piece", bound=Sliced)


class Pieces(Generic[Piece]):
    """Items that come several at a time, along the first dimension."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = iter(pieces)
        self._left: Piece | None = None

    def take(self, count: int) -> Iterator[Piece]:
        """The next `count` items, or as many as are left, in pieces that are not longer than they came."""
        while count > 0:
            piece = next(self._pieces, None) if self._left is None else self._left
            if piece is None:
                return
            self._left = piece[count:] if len(piece) > count else None
            count -= min(count, len(piece))
            yield piece[: len(piece) - (0 if self._left is None else len(self._left))]

    def skip(self, count: int) -> Self:
        """Drop the next `count` items."""
        for _ in self.take(count):
            pass
        return self
