"""Before and after in one picture."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.choices import View
from seedvr2_cli.compare.pictures import amplified, enlarged
from seedvr2_cli.compare.wipe import GAP, compose, grid, line_at, side, view_size, wipe
from tests.compare.conftest import disturbed, noise

BEFORE = noise(60, 100)
AFTER = disturbed(BEFORE, 40)


def below_labels(picture: np.ndarray) -> np.ndarray:
    """The rows that no label covers."""
    return picture[20:]


def test_side_by_side_before_is_on_the_left():
    picture = below_labels(side(BEFORE, AFTER))
    assert np.array_equal(picture[:, :100], below_labels(BEFORE))
    assert not picture[:, 100 : 100 + GAP].any()
    assert np.array_equal(picture[:, 100 + GAP :], below_labels(AFTER))


@pytest.mark.parametrize(("at", "column"), [(0, 0), (0.5, 50), (0.25, 25), (1, 100)])
def test_a_wipe_has_before_left_of_a_white_line(at, column):
    picture = below_labels(wipe(BEFORE, AFTER, at))
    left, right = max(column - 1, 0), min(max(column - 1, 0) + 2, 100)
    assert np.array_equal(picture[:, :left], below_labels(BEFORE)[:, :left])
    assert (picture[:, left:right] == 255).all()
    assert np.array_equal(picture[:, right:], below_labels(AFTER)[:, right:])


def test_a_grid_has_both_their_difference_and_the_middle_of_both():
    picture = grid(BEFORE, AFTER)
    assert np.array_equal(below_labels(picture)[:40, :100], below_labels(BEFORE))
    assert np.array_equal(below_labels(picture)[:40, 104:], below_labels(AFTER))
    lower = below_labels(picture[64:])
    assert np.array_equal(lower[:, :100], below_labels(amplified(BEFORE, AFTER, 8)))
    for half, source in ((lower[:, 104:152], BEFORE), (lower[:, 156:], AFTER)):
        crop = source[22:37, 43:56].repeat(4, axis=0).repeat(4, axis=1)[:60]
        start = 0 if source is BEFORE else 2
        assert np.array_equal(half, below_labels(crop)[:, start : start + half.shape[1]])


def test_the_smaller_one_is_scaled_up_to_the_larger():
    small = noise(30, 50)
    picture = below_labels(side(small, AFTER))
    assert np.array_equal(picture[:, :100], below_labels(enlarged(small, 100, 60)))
    assert np.array_equal(below_labels(wipe(small, AFTER, 1))[:, :99], picture[:, :99])


def test_of_two_depths_the_picture_has_16_bits():
    picture = below_labels(side(BEFORE, AFTER.astype(np.uint16) * 257))
    assert picture.dtype == np.uint16
    assert np.array_equal(picture[:, :100], below_labels(BEFORE).astype(np.uint16) * 257)


@given(
    view=st.sampled_from(View),
    height=st.integers(1, 70),
    width=st.integers(1, 150),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    at=st.floats(0, 1),
)
def test_any_size_gives_a_picture_of_the_size_that_was_told(view, height, width, dtype, at):
    picture = compose(view, noise(height, width, dtype), noise(height, width, dtype, seed=1), at)
    assert (picture.shape, picture.dtype) == ((*reversed(view_size(view, width, height)), 3), dtype)


def test_the_sources_are_left_as_they_are():
    before, after = BEFORE.copy(), AFTER.copy()
    for view in View:
        compose(view, before, after, 0.5)
    assert np.array_equal(before, BEFORE)
    assert np.array_equal(after, AFTER)


def test_the_line_crosses_in_four_seconds_and_comes_back():
    places = [line_at(index, 193, Fraction(24)) for index in range(193)]  # 8 seconds
    assert (places[0], places[48], places[96], places[144], places[192]) == (0, 0.5, 1, 0.5, 0)


def test_a_short_clip_has_one_pass_and_a_still_the_middle():
    assert [line_at(index, 5, Fraction(25)) for index in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert line_at(0, 1, Fraction(0)) == 0.5
    assert line_at(0, 0, Fraction(25)) == 0.5


@given(count=st.integers(1, 500), rate=st.fractions(Fraction(1, 2), 240))
def test_the_line_stays_in_the_picture_and_ends_at_a_side(count, rate):
    places = [line_at(index, count, rate) for index in range(count)]
    assert all(0 <= place <= 1 for place in places)
    assert count == 1 or (places[0] == 0 and places[-1] in (0, 1))
