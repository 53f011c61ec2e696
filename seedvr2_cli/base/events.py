"""What a run says on its way: lower layers emit events and never know who listens."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Level(StrEnum):
    DETAIL = "detail"  # shown with --verbose
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class Line:
    """One fact in words: `[part] text`. ok puts a check mark in front of the text."""

    part: str
    text: str
    ok: bool = False
    level: Level = Level.INFO


@dataclass(frozen=True)
class Progress:
    """How much of the running stage is done, in frames or bytes; total is None where it is not known."""

    stage: str
    done: int
    total: int | None
    unit: str = "frames"


@dataclass(frozen=True)
class Stage:
    """A stage that has ended: wall seconds spent in it, and the frames it handled."""

    name: str
    seconds: float
    frames: int


Event = Line | Progress | Stage


class Reporter(Protocol):
    """Whoever listens to a run."""

    def emit(self, event: Event) -> None: ...


class Silent:
    """A reporter for callers who want no words."""

    def emit(self, event: Event) -> None:
        """Drop the event."""
