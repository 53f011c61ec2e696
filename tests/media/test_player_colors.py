"""Flat colors as an HD player shows them after a round trip, for every matrix, range and ffmpeg at hand.

The judge is the formula of the standards in numpy, not ffmpeg's own conversion. $SEEDVR2_TEST_FFMPEGS names
further builds, separated as in $PATH.
"""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.media.codecs import CODECS, check_pixel_format
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.info import Color
from seedvr2_cli.media.writer import FrameWriter, OutputSpec

BUILDS = [str(find_ffmpeg()), *filter(None, os.environ.get("SEEDVR2_TEST_FFMPEGS", "").split(os.pathsep))]
WEIGHTS = {
    "bt709": (0.2126, 0.0722),
    "smpte170m": (0.299, 0.114),
    "bt470bg": (0.299, 0.114),
    "bt2020nc": (0.2627, 0.0593),
}
SIDE = 16


def patches() -> np.ndarray:
    """Pure red, green and blue, their mixtures, and a ramp of gray, (32, 3) of 0 to 255."""
    corners = [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    return np.array([*corners, *([v] * 3 for v in range(4, 252, 11)), [64, 128, 192]], np.uint8)


def as_shown(planes: list[np.ndarray], matrix: str, full: bool, depth: int) -> np.ndarray:
    """R'G'B' of 0 to 255 from codes, (n, 3), by the formula of BT.601, BT.709 and BT.2020."""
    y, cb, cr = (plane.astype(float) for plane in planes)
    red, blue = WEIGHTS[matrix]
    top, step = 2**depth - 1, 2 ** (depth - 8)
    y = y / top if full else (y / step - 16) / 219
    cb, cr = ((c - 128 * step) / (top if full else 224 * step) for c in (cb, cr))
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack([r, g, b], -1), 0, 1) * 255


@pytest.mark.parametrize("program", BUILDS, ids=lambda path: Path(path).name)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        (Codec.X264, "yuv420p"),
        (Codec.X264, "yuv444p"),
        (Codec.X264, "yuv422p10le"),
        (Codec.X265, "yuv420p10le"),
    ],
)
def test_a_player_shows_the_color_that_was_written(program, full, matrix, codec, pixel_format, tmp_path):
    ffmpeg = describe(Path(program))
    check_pixel_format(CODECS[codec], pixel_format, ffmpeg)
    depth = 10 if "10" in pixel_format else 8
    colors = patches()
    picture = colors.repeat(SIDE, 0)[None].repeat(SIDE, 0)
    if depth == 10:
        picture = picture.astype(np.uint16) * 257
    path = tmp_path / "film.mkv"
    spec = OutputSpec(
        path=path,
        final=path,
        width=picture.shape[1],
        height=SIDE,
        depth=8 * picture.itemsize,
        rate=Fraction(25),
        codec=CODECS[codec],
        color=Color(matrix, None, None, full),
        crf=0,
        encoder_arguments=("-x265-params", "lossless=1") if codec is Codec.X265 else (),
        wanted_format=pixel_format,
    )
    with FrameWriter(spec, ffmpeg) as writer:
        writer.write(picture)
        writer.finish()
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        assert frame.format.name.replace("yuvj", "yuv") == pixel_format
        planes = [middles(frame, number) for number in range(3)]
    shown = as_shown(planes, matrix, full, depth)
    assert np.abs(np.rint(shown) - colors).max() <= 1


def middles(frame: av.VideoFrame, number: int) -> np.ndarray:
    """The code in the middle of each patch."""
    plane = frame.planes[number]
    codes = np.frombuffer(plane, np.uint16 if "10" in frame.format.name else np.uint8)
    codes = codes.reshape(plane.height, -1)[:, : plane.width]
    side = SIDE * plane.width // frame.width
    return codes[plane.height // 2, side // 2 :: side]
