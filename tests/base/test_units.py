"""Sizes and rates as people read and write them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.units import (
    parse_bytes,
    parse_rate,
    parse_size,
    say_bytes,
    say_number,
    say_psnr,
    say_rate,
    say_seconds,
    say_size,
)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1023, "0.999 KiB"),
        (501_296_454, "478 MiB"),
        (1 << 30, "1.00 GiB"),
        (3 << 40, "3.00 TiB"),
    ],
)
def test_bytes_are_said_with_three_digits(count, said):
    assert say_bytes(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.85, "0.85 s"), (12.34, "12.3 s"), (247, "4:07 min"), (3753, "1:02:33 h")]
)
def test_seconds_are_said_as_on_a_clock(seconds, said):
    assert say_seconds(seconds) == said


@pytest.mark.parametrize(("value", "said"), [(0, "0"), (0.0123, "0.0123"), (1.214, "1.21"), (478.3, "478")])
def test_numbers_keep_the_digits_that_count(value, said):
    assert say_number(value) == said


@pytest.mark.parametrize(("decibels", "said"), [(38.207, "38.21 dB"), (-1, "-1.00 dB"), (None, "equal")])
def test_a_psnr_has_two_digits_or_there_is_none(decibels, said):
    assert say_psnr(decibels) == said


@given(st.tuples(st.integers(0, 99_999), st.integers(0, 99_999)))
def test_a_size_is_read_back_as_it_was_said(size):
    assert parse_size(say_size(size)) == size


@given(st.fractions(min_value=Fraction(1, 1000), max_value=1000))
def test_a_rate_is_read_back_as_it_was_said(rate):
    assert parse_rate(say_rate(rate)) == rate


@pytest.mark.parametrize("text", ["", "x", "512x", "-1", "1.5", "512x512x512", "99999999", "五"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UsageError, match="is no size; write pixels as 512 or as WIDTHxHEIGHT"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "0", "-24", "24/0", "fast", "nan", "inf"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(UsageError, match="is no frame rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "count"), [("12GiB", 12 << 30), ("900 MiB", 900 << 20), ("1.5g", 3 << 29), ("4096", 4096)]
)
def test_memory_is_parsed_in_powers_of_two(text, count):
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "0", "-1GiB", "12 GB/s", "1e9", "GiB"])
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(UsageError):
        parse_bytes(text)
