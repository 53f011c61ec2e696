"""Whatever workers do, every unit is done exactly once, by the rules."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.plan.scheduler import Dismiss, Give, GiveUp, Piece, Rules, Scheduler


def pieces(*costs: float, name: str = "u") -> list[Piece]:
    return [Piece(f"{name}{place}", cost) for place, cost in enumerate(costs)]


def given_to(decisions) -> list[tuple[str, str]]:
    return [(found.worker, found.piece.key) for found in decisions if isinstance(found, Give)]


def test_the_longest_goes_first_and_a_worker_has_one_at_a_time():
    scheduler = Scheduler()
    assert scheduler.add(pieces(1, 5, 3), 0) == []
    assert given_to(scheduler.join("a", 0)) == [("a", "u1")]
    assert given_to(scheduler.join("b", 0)) == [("b", "u2")]
    assert given_to(scheduler.finish("b", "u2", 3)) == [("b", "u0")]
    assert scheduler.finish("a", "u1", 5) == []
    assert not scheduler.over
    assert scheduler.finish("b", "u0", 6) == []
    assert scheduler.over


def test_an_older_batch_goes_before_a_longer_unit():
    scheduler = Scheduler()
    scheduler.add(pieces(1, 2, name="old"), 0)
    scheduler.add(pieces(9, name="new"), 0)
    assert given_to(scheduler.join("a", 0)) == [("a", "old1")]
    assert given_to(scheduler.finish("a", "old1", 2)) == [("a", "old0")]
    assert given_to(scheduler.finish("a", "old0", 3)) == [("a", "new0")]


def test_a_window_bounds_what_is_at_work():
    scheduler = Scheduler(Rules(window=1))
    scheduler.join("a", 0)
    scheduler.join("b", 0)
    assert given_to(scheduler.add(pieces(1, 2), 0)) == [("a", "u1")]
    assert given_to(scheduler.finish("a", "u1", 2)) == [("b", "u0")]


def test_what_a_dead_worker_had_goes_to_another():
    scheduler = Scheduler()
    scheduler.add(pieces(2, 1), 0)
    scheduler.join("a", 0)
    scheduler.join("b", 0)
    assert scheduler.leave("a", "node lost", 1) == []
    assert given_to(scheduler.finish("b", "u1", 1)) == [("b", "u0")]


def test_a_failed_unit_waits_for_another_worker_while_there_is_one():
    scheduler = Scheduler()
    scheduler.add(pieces(2, 1), 0)
    scheduler.join("a", 0)
    scheduler.join("b", 0)
    assert scheduler.fail("a", "u0", "wrong checksum", 1) == []  # a could take it, and does not
    assert given_to(scheduler.finish("b", "u1", 2)) == [("b", "u0")]


def test_alone_a_worker_tries_again():
    scheduler = Scheduler()
    scheduler.add(pieces(2), 0)
    scheduler.join("a", 0)
    assert given_to(scheduler.fail("a", "u0", "wrong checksum", 1)) == [("a", "u0")]


def test_a_unit_that_kills_three_workers_is_given_up_with_the_reason():
    scheduler = Scheduler()
    scheduler.add(pieces(9, 5, 4), 0)
    scheduler.join("steady", 0)  # has u0
    assert given_to(scheduler.join("a", 0)) == [("a", "u1")]
    assert scheduler.leave("a", "killed", 1) == []
    assert given_to(scheduler.join("b", 1)) == [("b", "u1")]
    scheduler.leave("b", "killed", 2)
    assert given_to(scheduler.join("c", 2)) == [("c", "u2")]  # the last try waits for all others
    scheduler.add(pieces(1, name="later"), 2)
    assert given_to(scheduler.finish("c", "u2", 3)) == [("c", "u1")]
    assert scheduler.leave("c", "killed again", 3) == [GiveUp("u1", "killed again")]
    assert not scheduler.over  # u0 is still awaited, and kept
    assert scheduler.finish("steady", "u0", 9) == []
    assert scheduler.over
    assert scheduler.waiting == 2


def test_a_worker_that_fails_three_units_is_dismissed():
    scheduler = Scheduler()
    scheduler.add(pieces(1, 2, 3, 4), 0)
    scheduler.join("good", 0)
    assert given_to(scheduler.join("bad", 0)) == [("bad", "u2")]
    assert given_to(scheduler.fail("bad", "u2", "wrong checksum", 1)) == [("bad", "u1")]
    assert given_to(scheduler.fail("bad", "u1", "wrong checksum", 2)) == [("bad", "u0")]
    reason = "failed 3 times one after the other, at last: wrong checksum"
    assert scheduler.fail("bad", "u0", "wrong checksum", 3) == [Dismiss("bad", reason)]


@pytest.mark.parametrize(
    ("heard", "now", "reason"),
    [
        (0, 30.5, "no progress in 30 s"),
        (40, 41, "41 s at what should take 10 s at most"),
        (29, 39, None),
    ],
)
def test_a_worker_that_hangs_is_dismissed_and_its_unit_goes_on(heard, now, reason):
    scheduler = Scheduler(Rules(slack=4, least_s=1, silence_s=30))
    scheduler.join("a", -2)
    scheduler.add(pieces(2, name="first"), -2)
    scheduler.finish("a", "first0", 0)  # a second for each unit of cost
    assert given_to(scheduler.add(pieces(10), 0)) == [("a", "u0")]
    scheduler.hear("a", heard)
    expected = [] if reason is None else [Dismiss("a", reason)]
    assert scheduler.look(now) == expected
    assert given_to(scheduler.join("b", now)) == ([("b", "u0")] if reason else [])


def test_before_anything_was_measured_only_silence_counts():
    scheduler = Scheduler(Rules(least_s=1, silence_s=30))
    scheduler.join("a", 0)
    scheduler.add(pieces(1), 0)
    for now in range(10, 1000, 10):
        scheduler.hear("a", now)
        assert scheduler.look(now + 5) == []


def test_what_a_worker_says_that_has_left_is_of_no_effect():
    scheduler = Scheduler()
    scheduler.add(pieces(1), 0)
    scheduler.join("a", 0)
    scheduler.leave("a", "hangs", 1)
    scheduler.join("b", 1)
    assert scheduler.finish("a", "u0", 2) == []
    assert scheduler.fail("a", "u0", "late", 2) == []
    assert scheduler.finish("b", "other", 2) == []
    assert scheduler.at_work == 1


@dataclass
class World:
    """Workers that do what hypothesis says; every decision is held against the rules."""

    rules: Rules
    now: float = 0.0
    workers: int = 0
    jobs: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    stopped: list[GiveUp] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.rules)
        self.present: set[str] = set()

    def take(self, decisions) -> None:
        for decision in decisions:
            if isinstance(decision, Give):
                assert decision.worker in self.present
                assert decision.worker not in self.jobs
                assert decision.piece.key not in self.jobs.values()
                assert decision.piece.key not in self.done
                assert not self.stopped
                self.jobs[decision.worker] = decision.piece.key
            elif isinstance(decision, Dismiss):
                self.present.discard(decision.worker)
                self.jobs.pop(decision.worker, None)
            else:
                self.stopped.append(decision)
        assert len(self.jobs) == self.scheduler.at_work
        assert self.rules.window is None or len(self.jobs) <= self.rules.window

    def join(self) -> None:
        self.workers += 1
        self.present.add(f"w{self.workers}")
        self.take(self.scheduler.join(f"w{self.workers}", self.now))

    def act(self, what: str, place: int) -> None:
        self.now += 1 + place % 3
        if what == "join":
            self.join()
        elif what == "look":
            self.take(self.scheduler.look(self.now))
        elif self.jobs:
            worker = sorted(self.jobs)[place % len(self.jobs)]
            self.end(what, worker, self.jobs[worker])

    def end(self, what: str, worker: str, key: str) -> None:
        if what == "hear":
            self.scheduler.hear(worker, self.now)
            return
        del self.jobs[worker]
        if what == "finish":
            self.done.append(key)
            self.take(self.scheduler.finish(worker, key, self.now))
        elif what == "fail":
            self.take(self.scheduler.fail(worker, key, "wrong", self.now))
        else:
            self.present.discard(worker)
            self.take(self.scheduler.leave(worker, "gone", self.now))


EVENTS = st.tuples(
    st.sampled_from(["join", "finish", "finish", "fail", "leave", "look", "hear"]), st.integers(0, 7)
)


@given(
    batches=st.lists(st.lists(st.integers(0, 50), max_size=8), min_size=1, max_size=3),
    events=st.lists(EVENTS, max_size=60),
    window=st.none() | st.integers(1, 3),
    tries=st.sampled_from([3, 1000]),
)
def test_every_unit_is_done_once_whatever_workers_do(batches, events, window, tries):
    world = World(Rules(window=window, tries=tries, least_s=3, silence_s=8))
    keys = set()
    for number, costs in enumerate(batches):
        batch = pieces(*map(float, costs), name=f"b{number}.")
        keys |= {piece.key for piece in batch}
        world.take(world.scheduler.add(batch, world.now))
    for what, place in events:
        world.act(what, place)
    world.join()  # and from here on nothing goes wrong
    for _ in range(2 * len(keys) + 1):
        world.act("finish", 0)
    assert world.scheduler.over
    assert len(world.done) == len(set(world.done))
    if world.stopped:
        assert tries == 3
        assert len(world.stopped) == 1
        assert world.scheduler.waiting == len(keys) - len(world.done)
    else:
        assert set(world.done) == keys
