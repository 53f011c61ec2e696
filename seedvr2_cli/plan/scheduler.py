"""Which worker does which unit of work next: events in, decisions out. No clock, no network, no randomness.

Units come in batches, such as the shots of a film. Older batches go first, so that no unit waits for ever;
in a batch the longest goes first, which leaves the short ones to fill the end. A worker has one unit at a
time. One that dies, hangs or fails loses it to another; so often and no more, since a unit may be what kills
workers. Its last try comes when all others of its batch were begun.

The same machine drives real workers and their simulation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit of work. cost: what it takes, in any measure that grows with time, such as frames x pixels."""

    key: str
    cost: float


@dataclass(frozen=True, kw_only=True)
class Rules:
    """window: the most units at work at once, None: as many as there are workers. tries: failures of one unit
    that end the run; failures of a worker, one after the other, that dismiss it.

    A unit may take slack times what the slowest unit so far took for its cost, and at least least_s; until
    one is done, any time. silence_s: how long a worker may work without a sign of progress.
    """

    window: int | None = None
    tries: int = 3
    slack: float = 4.0
    least_s: float = 120.0
    silence_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Give:
    """worker is to do a unit."""

    worker: str
    piece: Piece


@dataclass(frozen=True, slots=True)
class Dismiss:
    """worker is to be ended, whatever it does: it hangs, or fails again and again."""

    worker: str
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A unit has failed too often. No other is begun; those at work are still awaited."""

    key: str
    reason: str


Decision = Give | Dismiss | GiveUp
_Entry = tuple[int, bool, float, str]  # (batch, whether it is the last try, -cost, key)


@dataclass(slots=True)
class _Job:
    """A unit at work. since, heard: when it was given, and when its worker last made progress."""

    batch: int
    piece: Piece
    since: float
    heard: float


class Scheduler:
    """Hears what happened and answers what is to be done. Times are seconds of any clock that never goes
    back.

    What a worker says that has left, or of a unit that it does not have, is of no effect.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._batches = 0
        self._waiting: list[_Entry] = []  # a heap
        self._idle: dict[str, None] = {}
        self._jobs: dict[str, _Job] = {}  # by worker
        self._failures: dict[str, list[str]] = {}  # unit -> the workers with which it failed
        self._in_a_row: dict[str, int] = {}  # worker -> failures since it last did something
        self._slowest = 0.0  # seconds for a cost of 1
        self.given_up: GiveUp | None = None

    @property
    def at_work(self) -> int:
        """How many units are with workers."""
        return len(self._jobs)

    @property
    def waiting(self) -> int:
        """How many units are with nobody."""
        return len(self._waiting)

    @property
    def over(self) -> bool:
        """Whether nothing more will be done: all is, or a unit was given up and no other is at work."""
        return not self._jobs and (not self._waiting or self.given_up is not None)

    def add(self, pieces: Iterable[Piece], now: float) -> list[Decision]:
        """A batch of units, which goes behind those that were added before. Keys are never used again."""
        added = [(self._batches, False, -piece.cost, piece.key) for piece in pieces]
        self._batches += 1
        if len(added) > 1:
            self._waiting += added
            heapify(self._waiting)
        else:
            for entry in added:
                heappush(self._waiting, entry)
        return self._given(now)

    def join(self, worker: str, now: float) -> list[Decision]:
        """A worker is there, and does nothing yet. Names are never used again."""
        self._idle[worker] = None
        return self._given(now)

    def leave(self, worker: str, reason: str, now: float) -> list[Decision]:
        """A worker is gone; what it was at has failed."""
        self._idle.pop(worker, None)
        self._in_a_row.pop(worker, None)
        job = self._jobs.pop(worker, None)
        failed = self._failed(worker, job, reason) if job else []
        return failed + self._given(now)

    def finish(self, worker: str, key: str, now: float) -> list[Decision]:
        """A worker's result is there, and was found right."""
        job = self._taken(worker, key)
        if job is None:
            return []
        if job.piece.cost > 0:
            self._slowest = max(self._slowest, (now - job.since) / job.piece.cost)
        self._failures.pop(key, None)
        self._in_a_row.pop(worker, None)
        self._idle[worker] = None
        return self._given(now)

    def fail(self, worker: str, key: str, reason: str, now: float) -> list[Decision]:
        """A worker could not do its unit, or its result was found wrong."""
        job = self._taken(worker, key)
        if job is None:
            return []
        decisions = self._failed(worker, job, reason)
        count = self._in_a_row[worker] = self._in_a_row.get(worker, 0) + 1
        if count < self._rules.tries:
            self._idle[worker] = None
        else:
            del self._in_a_row[worker]
            decisions.append(Dismiss(worker, f"failed {count} times one after the other, at last: {reason}"))
        return decisions + self._given(now)

    def hear(self, worker: str, now: float) -> None:
        """A worker has made progress with its unit."""
        if worker in self._jobs:
            self._jobs[worker].heard = now

    def look(self, now: float) -> list[Decision]:
        """Whether a worker hangs; to be called now and then."""
        decisions: list[Decision] = []
        for worker, job in list(self._jobs.items()):
            reason = self._hangs(job, now)
            if reason:
                decisions.append(Dismiss(worker, reason))
                decisions += self.leave(worker, reason, now)
        return decisions

    def _hangs(self, job: _Job, now: float) -> str:
        rules = self._rules
        if now - job.heard > rules.silence_s:
            return f"no progress in {now - job.heard:.0f} s"
        allowed = max(rules.least_s, rules.slack * self._slowest * job.piece.cost)
        if self._slowest and now - job.since > allowed:
            return f"{now - job.since:.0f} s at what should take {allowed / rules.slack:.0f} s at most"
        return ""

    def _taken(self, worker: str, key: str) -> _Job | None:
        job = self._jobs.get(worker)
        return self._jobs.pop(worker) if job is not None and job.piece.key == key else None

    def _failed(self, worker: str, job: _Job, reason: str) -> list[Decision]:
        key = job.piece.key
        failures = self._failures.setdefault(key, [])
        failures.append(worker)
        last = len(failures) >= self._rules.tries - 1
        heappush(self._waiting, (job.batch, last, -job.piece.cost, key))
        if len(failures) < self._rules.tries or self.given_up is not None:
            return []
        self.given_up = GiveUp(key, reason)
        return [self.given_up]

    def _given(self, now: float) -> list[Decision]:
        """Units for the workers that do nothing."""
        decisions: list[Decision] = []
        window = self._rules.window
        passed: list[_Entry] = []
        while self._idle and self._waiting and self.given_up is None:
            if window is not None and len(self._jobs) >= window:
                break
            entry = heappop(self._waiting)
            batch, _, cost, key = entry
            worker = self._worker_for(key)
            if worker is None:
                passed.append(entry)
                continue
            del self._idle[worker]
            piece = Piece(key, -cost)
            self._jobs[worker] = _Job(batch, piece, now, now)
            decisions.append(Give(worker, piece))
        for entry in passed:
            heappush(self._waiting, entry)
        return decisions

    def _worker_for(self, key: str) -> str | None:
        """The worker that has been idle longest, but not one with which the unit failed, as long as there is
        any other, be it at work."""
        failures = self._failures.get(key)
        if not failures:
            return next(iter(self._idle))
        for worker in self._idle:
            if worker not in failures:
                return worker
        if any(worker not in failures for worker in self._jobs):
            return None
        return next(iter(self._idle))
