"""A simulated library as a report: same options, same figures."""

import pytest

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.pipeline.simulation import STEPS, SimulationOptions, simulation


def test_the_same_options_give_the_same_figures():
    options = SimulationOptions(films=100, minutes=2, workers=5, failures=2)
    facts = simulation(options).facts
    assert facts == simulation(options).facts
    assert facts["films"] == 100
    assert sum(facts["failures"].values()) > 0
    assert 0 < facts["lost_share"] < 0.2
    assert 0.5 < facts["efficiency"] <= 1
    assert facts["frames_per_second"] == pytest.approx(facts["frames"] / facts["seconds"], rel=0.01)
    assert len(facts["steps"]) <= STEPS
    assert facts["steps"] == sorted(facts["steps"])


def test_without_failures_nothing_is_lost():
    facts = simulation(SimulationOptions(films=5, minutes=1, workers=3, failures=0)).facts
    assert facts["failures"] == {"died": 0, "hung": 0, "wrong": 0}
    assert facts["lost_share"] == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"films": 0}, "--films: 0 is nothing; give more than 0"),
        ({"fps": -1.0}, "--fps: -1.0 is nothing; give more than 0"),
        ({"failures": -0.1}, "--failures: -0.1 is no rate; give 0 to 60 an hour"),
    ],
)
def test_what_is_no_library_is_one_line(given, words):
    with pytest.raises(UsageError) as caught:
        SimulationOptions(**given)
    assert str(caught.value) == words
