"""A run's events on stderr: colored lines and a bar on a terminal, plain lines elsewhere."""

import time
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from seedvr2_cli.base.events import Event, Level, Line, Stage
from seedvr2_cli.base.events import Progress as Step
from seedvr2_cli.base.units import say_bytes, say_number, say_seconds

PLAIN_EVERY_S = 10.0  # between progress lines where there is no terminal
_STYLES = {Level.DETAIL: "dim", Level.INFO: "", Level.WARNING: "yellow"}


class ConsoleReporter:
    """Shows what it is told. quiet: nothing at all; verbose: details too. Use it with `with`."""

    def __init__(self, stream: TextIO, *, quiet: bool = False, verbose: bool = False) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True, stderr=True)
        self._quiet = quiet
        self._verbose = verbose
        self._check = "✓" if _can_say("✓", stream) else "ok"
        self._bar: Progress | None = None
        self._shown = ""  # the stage of the bar
        self._began: dict[str, float] = {}
        self._said = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_bar()

    def emit(self, event: Event) -> None:
        """Show an event."""
        if self._quiet:
            return
        if isinstance(event, Line):
            self._line(event)
        elif isinstance(event, Step):
            self._step(event)
        else:
            self._stage(event)

    def _line(self, line: Line) -> None:
        if line.level is Level.DETAIL and not self._verbose:
            return
        text = Text.assemble((f"[{line.part}] ", "bold cyan"))
        if line.ok:
            text.append(f"{self._check} ", "bold green")
        text.append(line.text, _STYLES[line.level])
        self._console.print(text)

    def _step(self, step: Step) -> None:
        now = time.monotonic()
        began = self._began.setdefault(step.stage, now)
        if self._console.is_terminal:
            self._draw(step)
        elif now - max(began, self._said) >= PLAIN_EVERY_S:
            self._said = now
            self._console.print(Text(f"[{step.stage}] {_say_step(step, now - began)}"))

    def _draw(self, step: Step) -> None:
        if self._shown != step.stage:
            self._end_bar()
        if self._bar is None:
            count = (DownloadColumn(binary_units=True), TransferSpeedColumn())
            columns = count if step.unit == "bytes" else (MofNCompleteColumn(), _Rate(step.unit))
            texts = (TextColumn("{task.description}"), BarColumn(), *columns, TimeRemainingColumn())
            self._bar = Progress(*texts, console=self._console, transient=True)
            self._shown = step.stage
            self._bar.start()
            self._bar.add_task(f"[bold cyan]{step.stage}[/]", total=step.total, completed=step.done)
        self._bar.update(self._bar.task_ids[0], completed=step.done, total=step.total)

    def _stage(self, stage: Stage) -> None:
        self._end_bar()
        rate = f", {say_number(stage.frames / stage.seconds)} fps" if stage.seconds > 0 else ""
        counted = f"{stage.frames} frames in {say_seconds(stage.seconds)}{rate}"
        text = f"{stage.name}: {counted if stage.frames else say_seconds(stage.seconds)}"
        self._line(Line("Time", text, level=Level.DETAIL))

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Rate(ProgressColumn):
    """Frames, or what else is counted, per second so far."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """`12.3 fps`, and nothing before the first frame."""
        return Text(_say_rate(task.speed, self._unit) if task.speed else "")


def _say_step(step: Step, seconds: float) -> str:
    say = say_bytes if step.unit == "bytes" else str
    done = f"{say(step.done)} of {say(step.total)}" if step.total else say(step.done)
    done += "" if step.unit == "bytes" else f" {step.unit}"
    if not step.done or seconds <= 0:
        return done
    rate = step.done / seconds
    speed = _say_rate(rate, step.unit)
    left = f", {say_seconds((step.total - step.done) / rate)} left" if step.total else ""
    return f"{done}, {speed}{left}"


def _say_rate(rate: float, unit: str) -> str:
    if unit == "bytes":
        return f"{say_bytes(round(rate))}/s"
    return f"{say_number(rate)} {'fps' if unit == 'frames' else f'{unit}/s'}"


def _can_say(text: str, stream: TextIO) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
