"""The contact sheet: bounded in size, and no wrong pixel gets lost on it."""

import numpy as np
import pytest

from seedvr2_cli.compare.sheet import CELL, GROUND, cells, contact_sheet, gain_for, spread
from tests.compare.conftest import disturbed, noise


@pytest.mark.parametrize(
    ("count", "chosen"), [(1, [0]), (2, [0, 1]), (4, [0, 1, 2, 3]), (120, [0, 40, 79, 119])]
)
def test_frames_are_spread_from_the_first_to_the_last(count, chosen):
    assert spread(count) == chosen


@pytest.mark.parametrize(
    ("levels", "gain"), [(0, 128), (0.1, 128), (1, 64), (3, 16), (16, 4), (33, 1), (200, 1)]
)
def test_the_gain_makes_the_usual_error_visible(levels, gain):
    assert gain_for(levels / 255) == gain


@pytest.mark.parametrize(("width", "height"), [(1000, 700), (481, 3), (2000, 1999)])
def test_one_wrong_pixel_of_a_large_frame_stays_visible(width, height):
    a = noise(height, width)
    b = a.copy()
    b[-1, -1, 1] ^= 64
    row = cells("", a, b, 2)
    assert row.pictures[2].max() == 128
    assert (row.pictures[2] > 0).sum() == 1
    assert max(row.pictures[0].shape) <= CELL


def test_a_small_frame_is_shown_large():
    row = cells("", noise(30, 40, np.uint16), noise(30, 40, np.uint16, seed=1), 1)
    assert [picture.shape for picture in row.pictures] == [(360, 480, 3)] * 3
    assert all(picture.dtype == np.uint8 for picture in row.pictures)


@pytest.mark.parametrize(("width", "height"), [(16, 4000), (4000, 16), (1, 1), (3, 3), (900, 900)])
def test_a_sheet_is_bounded_whatever_the_frames(width, height):
    a = noise(height, width)
    rows = [cells(f"frame {i}", a, disturbed(a, 9), 4) for i in range(8)]
    tall, wide, _ = contact_sheet(rows, ["A " + "long" * 200, "B", "difference"]).shape
    assert wide <= 1472
    assert tall <= 8 * 524 + 40


def test_rows_stand_below_each_other_with_their_labels():
    a = noise(300, 480)
    row = cells("frame 1: 30.00 dB", a, disturbed(a, 9), 4)
    sheet = contact_sheet([row, row], ["A", "B", "difference x4"])
    for place, picture in enumerate(row.pictures):
        left = 8 + place * 488
        assert np.array_equal(sheet[52:352, left : left + 480], picture)
        assert np.array_equal(sheet[382:682, left : left + 480], picture)
    assert set(np.unique(sheet[8:52])) == {GROUND, 255}
