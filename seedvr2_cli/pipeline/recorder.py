"""A reporter that passes events on and keeps the warnings for the report."""

from collections.abc import Iterable

from seedvr2_cli.base.events import Event, Level, Line, Reporter, Stage


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

    def say_end(
        self, complaints: Iterable[str], result: str, stages: Iterable[tuple[str, float, int]]
    ) -> None:
        """What a job says when it is done: what was wrong with its input, what came out, where time went."""
        for complaint in complaints:
            self.emit(Line("Input", complaint, level=Level.WARNING))
        self.emit(Line("Output", result, ok=True))
        for stage in stages:
            self.emit(Stage(*stage))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The different warnings so far, with their number where it is above one."""
        return tuple(text if n == 1 else f"{text} ({n} times)" for text, n in self._warnings.items())
