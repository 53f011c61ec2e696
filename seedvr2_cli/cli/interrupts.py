"""Ctrl-C and a polite kill end a run in order, whatever code they meet."""

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.stop import Stop

AGAIN_S = 0.2


class Interruption:
    """Whether the run was told to stop. Exceptions that come after that are consequences, not bugs.

    A KeyboardInterrupt can get lost (one that is raised inside a library's callback is printed and dropped),
    so it is raised again until someone has taken it.
    """

    def __init__(self) -> None:
        self.requested = False
        self._over = threading.Event()
        self._begun = threading.Event()
        threading.Thread(target=self._insist, name="interrupt", daemon=True).start()

    def stop(self, number: int, frame: FrameType | None) -> None:
        """The signal handler. Does nothing while an interrupt is on its way out: clean-up is at work."""
        self.requested = True
        self._begun.set()
        if not self._over.is_set() and not _is_interrupt(sys.exc_info()[1]):
            raise KeyboardInterrupt

    def taken(self) -> None:
        """Raise it no more."""
        self._over.set()
        self._begun.set()

    def _insist(self) -> None:
        self._begun.wait()
        while not self._over.wait(AGAIN_S):
            _thread.interrupt_main()


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt in the main thread; restore all handlers afterwards."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        interruption.taken()
        return
    hook = sys.unraisablehook

    def quiet(lost: Any) -> None:
        if not _is_interrupt(lost.exc_value):
            hook(lost)

    before = {number: signal.signal(number, interruption.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    sys.unraisablehook = quiet
    try:
        yield interruption
    finally:
        interruption.taken()
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stops_at_units(stop: Stop, reporter: Reporter) -> Iterator[None]:
    """The first Ctrl-C asks a run that keeps units to end with the one at work; any other ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    at_once = signal.getsignal(signal.SIGINT)
    line = Line("Stop", "the unit at work is finished first; Ctrl-C again stops at once")

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.has_units and not stop.asked:
            stop.asked = True
            # on a thread of its own: the main one may be in the middle of a line
            threading.Thread(target=reporter.emit, args=(line,), daemon=True).start()
        elif callable(at_once):
            at_once(number, frame)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, at_once)


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether error is a KeyboardInterrupt, or came up while one was handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
