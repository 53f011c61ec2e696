"""A reporter that passes events on and keeps the warnings for the report."""

from seedvr2_cli.base.events import Event, Level, Line, Reporter


class Recorder:
    """Every warning is passed on once, however often it comes; `warnings` says how often."""

    def __init__(self, listener: Reporter) -> None:
        self._listener = listener
        self._warnings: dict[str, int] = {}

    def emit(self, event: Event) -> None:
        """Pass an event on, unless it is a warning said before."""
        if isinstance(event, Line) and event.level is Level.WARNING:
            self._warnings[event.text] = self._warnings.get(event.text, 0) + 1
            if self._warnings[event.text] > 1:
                return
        self._listener.emit(event)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The different warnings so far, with their number where it is above one."""
        return tuple(text if n == 1 else f"{text} ({n} times)" for text, n in self._warnings.items())
