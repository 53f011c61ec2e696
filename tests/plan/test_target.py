"""The target's size: one exact ratio for both sides, and refusals that name the way out."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.target import LARGEST_SIDE, Target


@pytest.mark.parametrize(
    ("source", "target", "size"),
    [
        ((960, 540), Target(), (1920, 1080)),
        ((960, 540), Target(resolution=1080), (1920, 1080)),
        ((540, 960), Target(resolution=1080), (1080, 1920)),
        ((720, 576), Target(resolution=1080), (1350, 1080)),
        ((1920, 1080), Target(resolution=1080), (1920, 1080)),
        ((640, 360), Target(scale=1.5), (960, 540)),
        ((15, 15), Target(scale=2.3), (35, 35)),  # 34.5; the binary number 2.3 would give 34
        ((3840, 2160), Target(scale=0.5, allow_downscale=True), (1920, 1080)),
        ((1280, 720), Target(resolution=1080, max_resolution=1500), (1500, 844)),
        ((1280, 720), Target(max_resolution=1280), (1280, 720)),
        ((5000, 2), Target(max_resolution=1000, allow_downscale=True), (1000, 1)),
        ((1, 7), Target(resolution=16), (16, 112)),
    ],
)
def test_the_size_is_what_is_asked_for(source, target, size):
    assert target.size_of(source) == size


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 400))
def test_the_shape_is_kept_within_half_a_pixel_and_turns_with_the_picture(width, height, resolution):
    target = Target(resolution=resolution, allow_downscale=True)
    ratio = resolution / min(width, height)
    if ratio * max(width, height) <= LARGEST_SIDE:
        wide, high = target.size_of((width, height))
        assert min(wide, high) == resolution
        assert abs(wide - ratio * width) <= 0.5 + 1e-6
        assert abs(high - ratio * height) <= 0.5 + 1e-6
        assert target.size_of((height, width)) == (high, wide)


def numz_sizes(height, width, resolution, most):
    """The public tools' rule (spec/dit.md 6): the long side cut, a second resize, rounded down to even."""
    if height <= width:
        height, width = resolution, int(resolution * width / height)
    else:
        height, width = int(resolution * height / width), resolution
    if most and max(height, width) > most:
        longer = max(height, width)
        height, width = round(height * most / longer), round(width * most / longer)
    even = [height // 2 * 2, width // 2 * 2]
    return [height, width], even, [math.ceil(side / 16) * 16 for side in (height, width)]


def test_the_public_rule_and_where_ours_differs_on_purpose(data):
    """They cut the long side to a whole number, then both sides to even ones."""
    differ = {}
    for case in json.loads((data / "dit/sizes.json").read_text()):
        (height, width), resolution, most = case["in"], case["resolution"], case["max_resolution"]
        theirs = numz_sizes(height, width, resolution, most)
        assert theirs == (case["resized"], case["true"], case["padded"])
        target = Target(resolution=resolution, max_resolution=most or None, allow_downscale=True)
        size, their_size = target.size_of((width, height)), tuple(reversed(case["true"]))
        if size != their_size:
            differ[width, height] = (their_size, size)
    assert differ == {
        (853, 479): ((1922, 1080), (1923, 1080)),
        (479, 853): ((1080, 1922), (1080, 1923)),
        (53, 37): ((90, 64), (92, 64)),
        (321, 241): ((590, 444), (591, 444)),
        (1920, 1080): ((1918, 1078), (1918, 1079)),
    }


SOURCE = (1920, 1080)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            {"resolution": 720},
            "--resolution 720: target 1280x720: smaller than the source, 1920x1080;"
            " ask for more, or give --allow-downscale",
        ),
        (
            {"scale": 0.5},
            "--scale 0.5: target 960x540: smaller than the source, 1920x1080;"
            " ask for more, or give --allow-downscale",
        ),
        (
            {"max_resolution": 1280},
            "--max-resolution 1280: target 1280x720: smaller than the source, 1920x1080;"
            " ask for more, or give --allow-downscale",
        ),
        (
            {"scale": 40.0},
            "--scale 40.0: target 76800x43200: a side of more than 32768 pixels;"
            " --max-resolution 32768 is the most",
        ),
        ({"resolution": 720, "scale": 2}, "--resolution and --scale both give the size; keep one of them"),
        ({"resolution": 0}, "--resolution: 0 is no side of a picture; give 1 to 32768 pixels"),
        ({"resolution": 40000}, "--resolution: 40000 is no side of a picture; give 1 to 32768 pixels"),
        ({"max_resolution": -1}, "--max-resolution: -1 is no side of a picture; give 1 to 32768 pixels"),
        ({"scale": 0}, "--scale: 0 is no scale; give a number above 0"),
        ({"scale": math.inf}, "--scale: inf is no scale; give a number above 0"),
        ({"scale": math.nan}, "--scale: nan is no scale; give a number above 0"),
    ],
)
def test_what_cannot_be_is_one_line_with_the_way_out(asked, line):
    with pytest.raises(UsageError) as error:
        Target(**asked).size_of(SOURCE)
    assert str(error.value) == line


def test_twice_a_huge_source_is_refused_without_an_option_to_blame():
    with pytest.raises(UsageError) as error:
        Target().size_of((20_000, 10))
    assert str(error.value) == (
        "--scale 2, the default: target 40000x20: a side of more than 32768 pixels;"
        " --max-resolution 32768 is the most"
    )
