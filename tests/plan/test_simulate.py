"""The simulation leads numbers as the crew leads workers: its sums must come out."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.plan.forecast import forecasts, worth_asking
from seedvr2_cli.plan.scheduler import Piece
from seedvr2_cli.plan.shots import shots_of
from seedvr2_cli.plan.simulate import Farm, library, makespan, simulate

# the frames of the shots that `shots` finds in Big Buck Bunny (TransNetV2, 14,315 frames, 24 fps)
BUNNY = """
36 249 93 175 592 201 110 75 135 45 52 50 106 235 40 200 100 210 127 70 62 82 468 65 166
116 35 24 70 43 37 158 39 66 131 81 68 60 25 29 70 104 42 37 34 66 52 161 15 64 59 88 61
230 35 174 30 40 40 40 40 20 40 40 40 40 100 135 47 43 40 80 180 80 38 42 44 108 75 100
46 67 48 71 37 255 61 6 63 791 64 71 68 231 41 48 39 68 9 9 126 76 55 41 96 29 65 16 28
59 50 26 43 36 70 44 15 106 38 25 38 2 165 157 57 39 93 124 37 175 36 52 59 57 841 1350
23 372 1
"""


@given(costs=st.lists(st.integers(1, 100), min_size=1, max_size=40), workers=st.integers(1, 12))
def test_the_span_is_within_the_known_bounds_of_longest_first(costs, workers):
    span = makespan(costs, workers)
    ideal = max(max(costs), sum(costs) / workers)
    assert ideal - 1e-9 <= span <= ideal * (4 / 3) + 1e-9 or span <= sum(costs) / workers + max(costs)


def test_without_mishaps_nothing_is_lost():
    out = simulate([[Piece("a", 4), Piece("b", 2)], [Piece("c", 1)]], Farm(workers=2, seconds=10))
    assert (out.seconds, out.units, out.costs, out.worked, out.lost) == (40, 3, 7, 70, 0)
    assert out.efficiency(2) == pytest.approx(70 / 80)


@given(mishaps=st.tuples(*[st.floats(0, 3)] * 3), workers=st.integers(1, 9), seed=st.integers(0, 5))
def test_whatever_befalls_workers_all_is_done(mishaps, workers, seed):
    deaths, hangs, wrong = mishaps
    farm = Farm(workers=workers, deaths=deaths, hangs=hangs, wrong=wrong, spread=0.3, back_s=60, seed=seed)
    batches = list(library(films=3, minutes=1, seed=seed))
    out = simulate(batches, farm)
    assert out.units == sum(map(len, batches))
    assert out.costs == sum(piece.cost for batch in batches for piece in batch)
    assert (out.lost > 0) == any(out.failures.values())
    assert out == simulate(batches, farm)


def test_a_library_has_films_of_about_the_length_that_was_asked_for():
    films = list(library(films=200, minutes=10, seed=1))
    minutes = [sum(piece.cost for piece in film) / 24 / 60 for film in films]
    assert 9 < sum(minutes) / len(minutes) < 11
    assert len({piece.key for film in films for piece in film}) == sum(map(len, films))


def test_a_long_shot_is_named_as_what_limits():
    shots = shots_of([100, 120, 140], 160)
    one, two, four = forecasts(shots, (1, 2, 4), frame_s=0.5)
    assert (one.seconds, one.efficiency, one.limit) == (80, 1, "nothing")
    assert two.limit == four.limit == "the longest shot"
    assert two.seconds == four.seconds
    assert four.efficiency == two.efficiency / 2
    assert [found.seconds for found in forecasts(shots, (1, 8), None)] == [None, None]
    assert forecasts(shots, (8,), None)[0].limit == "there are fewer shots than workers"
    assert worth_asking(shots) == (1, 2)
    assert worth_asking(shots_of(range(10, 1000, 10), 1000)) == (1, 2, 4, 8, 16, 32, 64)


def test_two_hours_on_64_workers_are_done_in_95_percent_of_the_ideal():
    """Twelve times the film and a little, its shots drawn anew each time."""
    draw, lengths = random.Random(0), [int(word) for word in BUNNY.split()]
    assert sum(lengths) == 14_315
    for _ in range(5):
        starts = [0]
        while starts[-1] < 2 * 3600 * 24:
            starts.append(starts[-1] + draw.choice(lengths))
        found = forecasts(shots_of(starts[1:-1], starts[-1]), (64,), None)[0]
        assert found.efficiency > 0.995
        assert found.limit == "uneven ends"
