"""Curves as SVG."""

import math
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.compare.chart import Chart, svg
from seedvr2_cli.compare.curve import Point


def drawn(*values: float, least: float = 0.1, title: str = "PSNR in dB") -> str:
    points = [Point(index, value) for index, value in enumerate(values)]
    return svg(
        Chart(
            name="psnr",
            title=title,
            text="what it shows",
            points=points,
            frames=len(values),
            marked=points[:1],
            least=least,
        )
    )


def labels(text: str) -> list[str]:
    return re.findall(r'text-anchor="end">([^<]*)<', text)


def places(text: str) -> list[tuple[float, float]]:
    line = re.search(r'points="([^"]*)"', text)[1]
    return [tuple(float(number) for number in pair.split(",")) for pair in line.split()]


@pytest.mark.parametrize(
    ("values", "least", "ticks"),
    [
        ((27.2, 33.9), 0.1, "26 28 30 32 34"),
        ((0.853, 0.951), 1e-4, "0.85 0.90 0.95 1.00"),
        ((30.02, 30.02), 0.1, "30.0 30.1"),
        ((0.99991, 1.0), 1e-4, "0.9999 1.0000"),
        ((40.0, math.inf), 0.1, "40.0 40.1 equal"),
        ((math.inf, math.inf), 0.1, "equal"),
    ],
)
def test_levels_stand_at_round_values_around_the_curve(values, least, ticks):
    assert labels(drawn(*values, least=least)) == ticks.split()


def test_a_curve_goes_from_side_to_side_and_equal_frames_stand_at_the_top():
    assert places(drawn(30.0, 32.0, math.inf)) == [(0, 100), (500, 16), (1000, 0)]


@given(st.lists(st.floats(0, 120) | st.just(math.inf), min_size=1, max_size=20))
def test_no_point_leaves_the_chart(values):
    assert all(0 <= x <= 1000 and -0.01 <= y <= 100.01 for x, y in places(drawn(*values)))


def test_a_chart_says_in_words_what_it_shows_and_escapes_them():
    text = drawn(30.0, 31.0, title="<b>&")
    assert 'role="img" aria-labelledby="psnr-title psnr-text"' in text
    assert '<title id="psnr-title">&lt;b&gt;&amp;</title>' in text
    HTMLParser().feed(text)
