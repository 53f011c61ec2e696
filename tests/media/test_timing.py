"""Exact rates out of blurred stamps."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.media.timing import Pace, exact_rate, judge

MILLISECOND, TICK_90K = Fraction(1, 1000), Fraction(1, 90000)
RATES = [Fraction(n) for n in (10, 12, 15, 24, 25, 30, 48, 50, 60, 100, 120)]
RATES += [Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)]


def stamps_of(rate: Fraction, count: int, time_base: Fraction, first: int = 0) -> list[int]:
    return [first + round(n / rate / time_base) for n in range(count)]


@pytest.mark.parametrize(
    ("blurred", "time_base", "meant"),
    [
        (Fraction(19001, 317), MILLISECOND, Fraction(60000, 1001)),
        (Fraction(2997, 100), MILLISECOND, Fraction(30000, 1001)),
        (Fraction(2997, 100), Fraction(1, 2997), Fraction(2997, 100)),  # 100 ticks a frame: meant so
        (Fraction(24000, 1001), Fraction(1, 24000), Fraction(24000, 1001)),
        (Fraction(1000, 42), MILLISECOND, Fraction(500, 21)),  # a GIF's or WebP's 42 ms
        (Fraction(25), MILLISECOND, Fraction(25)),
        (Fraction(59, 3), MILLISECOND, Fraction(59, 3)),
        (Fraction(1, 3), TICK_90K, Fraction(1, 3)),
    ],
)
def test_a_blurred_rate_becomes_the_one_that_was_meant(
    blurred: Fraction, time_base: Fraction, meant: Fraction
) -> None:
    assert exact_rate(blurred, time_base) == meant


@given(
    rate=st.sampled_from(RATES),
    count=st.integers(200, 2000),
    time_base=st.sampled_from([MILLISECOND, TICK_90K, Fraction(1, 12800)]),
    first=st.integers(-100, 10**9),
)
def test_stamps_alone_give_the_exact_rate(
    rate: Fraction, count: int, time_base: Fraction, first: int
) -> None:
    assert judge(stamps_of(rate, count, time_base, first), time_base, None) == Pace(rate, False, True)


@given(rate=st.sampled_from(RATES), count=st.integers(2, 30))
def test_a_few_stamps_that_fit_the_rate_of_the_container_confirm_it(rate: Fraction, count: int) -> None:
    assert judge(stamps_of(rate, count, MILLISECOND), MILLISECOND, rate) == Pace(rate, False, True)


def test_a_rate_that_the_stamps_deny_is_not_believed() -> None:
    stamps = stamps_of(Fraction(30), 300, MILLISECOND)
    assert judge(stamps, MILLISECOND, Fraction(25)) == Pace(Fraction(30), False, True)


def test_a_dropped_frame_makes_the_rate_variable() -> None:
    stamps = [n for n in range(100) if n != 50]
    pace = judge(stamps, Fraction(1, 25), Fraction(25))
    assert pace == Pace(Fraction(25 * 98, 99), variable=True, per_packet=True)


def test_two_fields_in_two_packets_are_one_frame() -> None:
    stamps = stamps_of(Fraction(50), 100, TICK_90K)
    assert judge(stamps, TICK_90K, Fraction(25)) == Pace(Fraction(25), variable=False, per_packet=False)


@pytest.mark.parametrize("stamps", [[], [7], [7, 7, 7]])
def test_without_stamps_the_container_decides(stamps: list[int]) -> None:
    assert judge(stamps, MILLISECOND, Fraction(30)) == Pace(Fraction(30), False, True)
    assert judge(stamps, MILLISECOND, None) == Pace(Fraction(25), False, True)


def test_an_absurd_rate_is_bounded() -> None:
    assert judge([0, 1], TICK_90K, Fraction(90000)).rate == 1000
