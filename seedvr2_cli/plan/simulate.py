"""The scheduler, leading workers that are only numbers: how long a film or a library takes, what is lost.

Not in it: reading the source and writing the output, which one machine does beside the workers.
"""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from seedvr2_cli.plan.scheduler import Decision, Dismiss, Give, Piece, Rules, Scheduler

# of the logarithm of the seconds of the 139 shots that `shots` finds in Big Buck Bunny: mean and spread
SHOT_LOG_MEAN, SHOT_LOG_SPREAD = 0.96, 0.96
SHORTEST_S, LONGEST_S = 0.25, 120.0
LOOK_S = 60.0  # how often hanging workers are looked for
_FINISH, _WRONG, _DIE, _JOIN, _LOOK = range(5)


@dataclass(frozen=True, kw_only=True)
class Farm:
    """Workers, and what befalls them. seconds: of a worker of mean speed for a cost of 1.

    spread: how much slower and faster than the mean workers are, at most. deaths, hangs, wrong: per hour of
    work of a worker; wrong: results whose checksum does not fit. back_s: until there is another worker in the
    place of one that is gone; start_s: until a worker is ready.
    """

    workers: int
    seconds: float = 1.0
    spread: float = 0.0
    deaths: float = 0.0
    hangs: float = 0.0
    wrong: float = 0.0
    start_s: float = 0.0
    back_s: float = 0.0
    seed: int = 0


@dataclass(kw_only=True)
class Outcome:
    """seconds: until all was done. worked: seconds of workers that gave results; lost: that gave none.

    costs: of all units. failures: by kind. thrice: units that failed three times or more. steps: the cost
    that was done by a time, at every look.
    """

    seconds: float = 0.0
    units: int = 0
    costs: float = 0.0
    worked: float = 0.0
    lost: float = 0.0
    failures: dict[str, int] = field(default_factory=lambda: {"died": 0, "hung": 0, "wrong": 0})
    thrice: int = 0
    steps: list[tuple[float, float]] = field(default_factory=list)

    def efficiency(self, workers: int) -> float:
        """The share of all workers' time that gave results."""
        return self.worked / (workers * self.seconds) if self.seconds else 1.0


def makespan(costs: Sequence[float], workers: int) -> float:
    """How long equal workers take for a batch of units, in the costs' own measure; nothing goes wrong."""
    return simulate(
        [[Piece(str(place), cost) for place, cost in enumerate(costs)]], Farm(workers=workers)
    ).seconds


def simulate(batches: Iterable[Sequence[Piece]], farm: Farm) -> Outcome:
    """Work off batches of units, such as the shots of films. Same seed, same outcome.

    A batch is added when fewer units wait than there are workers: memory does not grow with their number.
    """
    return _Run(farm).through(iter(batches))


def library(films: int, minutes: float, seed: int, rate: float = 24.0) -> Iterator[list[Piece]]:
    """The shots of films, a batch each; cost: frames. Lengths of films spread about `minutes`, those of shots
    as in the film that they were measured in."""
    draw = random.Random(seed)
    for film in range(films):
        left = minutes * 60 * draw.uniform(0.5, 1.5)
        shots: list[Piece] = []
        while left > 0:
            length = draw.lognormvariate(SHOT_LOG_MEAN, SHOT_LOG_SPREAD)
            length = min(max(length, SHORTEST_S), LONGEST_S, max(left, SHORTEST_S))
            shots.append(Piece(f"{film}.{len(shots)}", max(1.0, round(length * rate))))
            left -= length
        yield shots


class _Run:
    """One simulation. What is to come lies in a heap by its time."""

    def __init__(self, farm: Farm) -> None:
        self._farm, self._draw = farm, random.Random(farm.seed)
        self._scheduler = Scheduler(Rules(tries=1 << 30))
        self._events: list[tuple[float, int, int, str, str]] = []  # (time, order, kind, worker, unit)
        self._count = self._names = 0
        self._begun: dict[str, tuple[str, float]] = {}  # worker -> its unit, and since when
        self._hung: set[str] = set()
        self._costs: dict[str, float] = {}  # of the units that are at work
        self._done = 0.0
        self._speed: dict[str, float] = {}
        self._failed: dict[str, int] = {}
        self._out = Outcome()

    def through(self, batches: Iterator[Sequence[Piece]]) -> Outcome:
        farm, scheduler = self._farm, self._scheduler
        self._feed(batches, 0.0)
        for _ in range(farm.workers):
            self._join(farm.start_s)
        self._push(LOOK_S, _LOOK)
        while not scheduler.over:
            now, _, kind, worker, key = heappop(self._events)
            if kind == _LOOK:
                self._push(now + LOOK_S, _LOOK)
                for busy in self._begun.keys() - self._hung:
                    scheduler.hear(busy, now)
                decisions = scheduler.look(now)
                self._out.steps.append((now, self._done))
            elif kind == _JOIN:
                decisions = scheduler.join(worker, now)
            elif self._begun.get(worker, ("", 0.0))[0] != key:
                continue  # it was dismissed meanwhile
            elif kind == _FINISH:
                self._out.worked += now - self._begun.pop(worker)[1]
                self._done += self._costs.pop(key)
                self._out.units += 1
                self._out.seconds = now
                decisions = scheduler.finish(worker, key, now)
            elif kind == _WRONG:
                self._lose("wrong", worker, now)
                decisions = scheduler.fail(worker, key, "wrong", now)
            else:
                self._lose("died", worker, now)
                self._join(now + farm.back_s + farm.start_s)
                decisions = scheduler.leave(worker, "died", now)
            self._take(decisions, now)
            if scheduler.waiting < farm.workers:
                self._feed(batches, now)
        self._out.thrice = sum(count >= 3 for count in self._failed.values())
        return self._out

    def _feed(self, batches: Iterator[Sequence[Piece]], now: float) -> None:
        while self._scheduler.waiting < self._farm.workers:
            batch = next(batches, None)
            if batch is None:
                return
            self._out.costs += sum(piece.cost for piece in batch)
            self._take(self._scheduler.add(batch, now), now)

    def _take(self, decisions: Iterable[Decision], now: float) -> None:
        for decision in decisions:
            if isinstance(decision, Give):
                self._begin(decision.worker, decision.piece, now)
            elif isinstance(decision, Dismiss):
                if decision.worker in self._begun:
                    self._lose("hung", decision.worker, now)
                self._join(now + self._farm.back_s + self._farm.start_s)

    def _begin(self, worker: str, piece: Piece, now: float) -> None:
        """Draw what becomes of a unit."""
        farm = self._farm
        self._begun[worker] = (piece.key, now)
        self._costs[piece.key] = piece.cost
        end = now + piece.cost * farm.seconds * self._speed[worker]
        hourly = farm.deaths + farm.hangs + farm.wrong
        failure = now + self._draw.expovariate(hourly / 3600) if hourly else math.inf
        if failure >= end:
            self._push(end, _FINISH, worker, piece.key)
            return
        kind = self._draw.uniform(0, hourly)
        if kind < farm.deaths:
            self._push(failure, _DIE, worker, piece.key)
        elif kind < farm.deaths + farm.wrong:
            self._push(end, _WRONG, worker, piece.key)
        else:
            self._hung.add(worker)

    def _lose(self, how: str, worker: str, now: float) -> None:
        key, since = self._begun.pop(worker)
        self._out.lost += now - since
        self._out.failures[how] += 1
        self._failed[key] = self._failed.get(key, 0) + 1

    def _join(self, at: float) -> None:
        self._names += 1
        worker = f"w{self._names}"
        self._speed[worker] = 1 + self._draw.uniform(-1, 1) * self._farm.spread
        self._push(at, _JOIN, worker)

    def _push(self, at: float, kind: int, worker: str = "", key: str = "") -> None:
        self._count += 1
        heappush(self._events, (at, self._count, kind, worker, key))
