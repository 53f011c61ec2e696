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

    @property
    def ended(self) -> bool:
        """Whether no item is left."""
        while self._left is None or not len(self._left):
            self._left = next(self._pieces, None)
            if self._left is None:
                return True
        return False

    def take(self, count: int) -> Iterator[Piece]:
        """The next `count` items, or as many as are left, in pieces that are not longer than they came."""
        while count > 0 and not self.ended:
            piece = self._left
            assert piece is not None
            self._left = piece[count:] if len(piece) > count else None
            count -= min(count, len(piece))
            yield piece[: len(piece) - (0 if self._left is None else len(self._left))]

    def skip(self, count: int) -> Self:
        """Drop the next `count` items."""
        for _ in self.take(count):
            pass
        return self
