"""Reading ahead and writing behind: threads beside the model, with bounded queues between."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Full, Queue
from typing import Any, Generic, Self, TypeVar

Item = TypeVar("Item")
DEPTH = 4  # items that wait at most
_LOOK_S = 0.1  # how often a waiting thread looks whether it is still wanted


class Ahead(Generic[Item]):
    """Makes items on a thread of its own, up to DEPTH before they are asked for. Use it with `with`.

    What goes wrong on the thread is raised where the item would have come.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._queue: Queue[tuple[Item | None, BaseException | None]] = Queue(DEPTH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(items,), name="read ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def __iter__(self) -> Iterator[Item]:
        """The items in their order."""
        while True:
            try:
                item, error = self._queue.get(timeout=_LOOK_S)  # Windows hears Ctrl-C between two looks
            except Empty:
                continue
            if error is not None:
                if isinstance(error, StopIteration):
                    return
                raise error
            yield item  # type: ignore[misc]  # None stands for an item only beside an error

    def _run(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                if not self._put((item, None)):
                    return
            self._put((None, StopIteration()))
        except BaseException as error:  # noqa: BLE001 - carried over to the other thread
            self._put((None, error))

    def _put(self, entry: tuple[Item | None, BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(entry, timeout=_LOOK_S)
            except Full:
                continue
            return True
        return False


class Behind:
    """Calls `work` on a thread of its own, DEPTH calls waiting at most. Use it with `with`.

    What goes wrong there is raised by the next `put`, or by `finish`, after which all are done.
    """

    def __init__(self, work: Callable[..., None]) -> None:
        self._work = work
        self._queue: Queue[tuple[Any, ...] | None] = Queue(DEPTH)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="write behind", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def put(self, item: tuple[Any, ...]) -> None:
        """Leave the arguments of one call to the thread; waits while too many are waiting."""
        self._send(item)

    def finish(self) -> None:
        """Wait until every call is done."""
        self._send(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _send(self, item: tuple[Any, ...] | None) -> None:
        while True:
            if self._error is not None:
                raise self._error
            try:
                self._queue.put(item, timeout=_LOOK_S)
            except Full:
                continue
            return

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                item = self._queue.get(timeout=_LOOK_S)
            except Empty:
                continue
            if item is None:
                return
            try:
                self._work(*item)
            except BaseException as error:  # noqa: BLE001 - carried over to the other thread
                self._error = error
                return
