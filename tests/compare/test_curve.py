"""Every frame's numbers, and what a plot and a list take of them."""

import math

from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.compare.curve import Curve, Point
from seedvr2_cli.compare.metrics import FrameScore


def curve_of(*values: float, ssim: float | None = 0.9) -> Curve:
    curve = Curve()
    for index, psnr in enumerate(values):
        curve.add(FrameScore(index, psnr, ssim))
    return curve


def test_a_curve_gives_back_the_numbers_of_each_frame():
    curve = curve_of(30.0, math.inf)
    assert (len(curve), curve[0], curve[1]) == (2, FrameScore(0, 30.0, 0.9), FrameScore(1, math.inf, 0.9))
    assert curve_of(30.0, ssim=None)[0] == FrameScore(0, 30.0, None)


def test_the_worst_frames_come_lowest_first_without_those_that_are_equal():
    worst = curve_of(33.0, math.inf, 31.0, 32.0, 31.0).worst(3)
    assert [(score.index, score.psnr) for score in worst] == [(2, 31.0), (4, 31.0), (3, 32.0)]
    assert curve_of(math.inf, math.inf).worst(3) == []


def test_a_point_of_many_frames_is_the_lowest_of_them():
    curve = curve_of(33.0, 31.0, math.inf, math.inf, 35.0)
    assert curve.psnr(5) == [Point(i, v) for i, v in enumerate((33.0, 31.0, math.inf, math.inf, 35.0))]
    assert (curve.group(3), curve.psnr(3)) == (2, [Point(1, 31.0), Point(2, math.inf), Point(4, 35.0)])


def test_small_frames_have_no_curve_of_ssim():
    assert curve_of(30.0, 31.0, ssim=None).ssim(9) == []


@given(st.lists(st.floats(0, 99), min_size=1, max_size=60), st.integers(1, 20))
def test_however_frames_are_grouped_the_worst_is_on_the_curve(values, limit):
    points = curve_of(*values).psnr(limit)
    assert len(points) <= limit
    assert min(point.value for point in points) == min(values)
    assert all(values[point.frame] == point.value for point in points)
