"""Where the time of a run goes: stages that pull from each other, each counted alone."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class StageClock:
    """Wall seconds per stage. A stage that runs inside another stops the outer one's clock meanwhile."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._frames: dict[str, int] = {}
        self._running: list[str] = []
        self._order: dict[str, None] = {}
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's time as name's."""
        self._charge()
        self._running.append(name)
        try:
            yield
        finally:
            self._charge()
            self._running.pop()
            self._order.setdefault(name)

    def over(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """The same items; the time it takes to make each is name's."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def count(self, name: str, frames: int) -> None:
        """Say how many frames a stage has handled so far."""
        self._frames[name] = frames

    @property
    def stages(self) -> tuple[tuple[str, float, int], ...]:
        """(name, seconds, frames) in the order in which stages first had something done."""
        return tuple((name, self._seconds[name], self._frames.get(name, 0)) for name in self._order)

    def _charge(self) -> None:
        now = time.perf_counter()
        if self._running:
            name = self._running[-1]
            self._seconds[name] = self._seconds.get(name, 0.0) + now - self._since
        self._since = now
