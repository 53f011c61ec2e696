"""Padding in numbers: what the transformer takes, and which row stands where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.choices import Pad
from seedvr2_cli.plan.padding import padding_of

SIDES = st.integers(1, 4000)


@pytest.mark.parametrize(
    ("size", "reflected", "padded"),
    [
        ((1920, 1080), (0, 8), (1920, 1104)),
        ((1280, 720), (0, 16), (1280, 752)),
        ((1350, 1081), (10, 23), (1360, 1120)),
        ((1, 1), (15, 15), (16, 32)),
    ],
)
def test_at_least_8_rows_are_reflected_and_16_black_ones_follow(size, reflected, padded):
    padding = padding_of(size)
    assert (padding.reflected, padding.black, padding.padded) == (reflected, (0, 16), padded)


def test_by_black_and_reflect_there_are_no_more_rows_than_needed():
    assert padding_of((1350, 1080), Pad.BLACK).black == (10, 8)
    assert padding_of((1350, 1080), Pad.REFLECT).reflected == (10, 8)
    assert (
        padding_of((1280, 720), Pad.BLACK).padded
        == padding_of((1280, 720), Pad.REFLECT).padded
        == (1280, 720)
    )


@given(SIDES, SIDES, st.sampled_from(Pad))
def test_every_rule_gives_multiples_of_16_around_the_picture(width, height, pad):
    padding = padding_of((width, height), pad)
    wide, high = padding.padded
    assert wide % 16 == high % 16 == 0
    assert 0 <= wide - width < 16
    assert 0 <= high - height < 16 + (24 if pad is Pad.AUTO else 0)


@given(SIDES)
def test_a_padded_row_shows_the_row_of_the_formula(height):
    """Row k shows f(k): m = k mod 2(h - 1), f = m if m < h else 2(h - 1) - m (spec/dit.md 6)."""

    def f(k):
        m = k % (2 * (height - 1)) if height > 1 else 0
        return m if m < height else 2 * (height - 1) - m

    rows = padding_of((16, height)).reflected_rows()
    assert rows == [f(k) for k in range(height, height + len(rows))]
    columns = padding_of((height, 16)).reflected_columns()
    assert columns == [f(k) for k in range(height, height + len(columns))]
