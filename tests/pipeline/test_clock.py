"""Stages that pull from each other are each counted alone."""

import pytest

from seedvr2_cli.pipeline import clock as clock_module
from seedvr2_cli.pipeline.clock import StageClock


@pytest.fixture
def hands(monkeypatch):
    """A clock that goes on only when it is told to."""
    now = [0.0]
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_a_stage_inside_another_stops_the_outer_clock(hands):
    clock = StageClock()

    def read():
        for _ in range(3):
            hands(1)
            yield 0

    def encode(items):
        for item in items:
            hands(10)
            yield item

    for _ in clock.over("encode", encode(clock.over("read", read()))):
        hands(100)  # whoever uses the items is not counted
    clock.count("read", 3)
    assert clock.stages == (("read", 3.0, 3), ("encode", 30.0, 0))


def test_a_stage_that_fails_is_counted_and_left(hands):
    clock = StageClock()
    with pytest.raises(RuntimeError), clock.stage("write"):
        hands(2)
        raise RuntimeError
    hands(5)
    assert clock.stages == (("write", 2.0, 0),)
