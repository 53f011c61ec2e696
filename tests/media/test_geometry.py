"""Display matrices: the filters do to a frame what the matrix does to its points."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from seedvr2_cli.media.ffmpeg import FFmpeg, file_url
from seedvr2_cli.media.geometry import transposes, turn_of
from seedvr2_cli.media.process import FFmpegProcess

SIGNS = (1, -1)
TURNS = [(p, 0, 0, q) for p in SIGNS for q in SIGNS] + [(0, p, q, 0) for p in SIGNS for q in SIGNS]


@pytest.mark.parametrize(("a", "b", "c", "d"), TURNS)
def test_the_filters_move_pixels_as_the_matrix_moves_points(
    a: int, b: int, c: int, d: int, clips: Path, ffmpeg: FFmpeg
) -> None:
    turn = turn_of([value << 16 for value in (a, b, 0, c, d, 0, 0, 0, 1 << 14)])
    plain, turned = (_decode(clips / "exif_upright.png", ffmpeg, filters) for filters in ((), turn))
    height, width = plain.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    x, y = a * columns + c * rows, b * columns + d * rows
    expected = np.empty((np.ptp(y) + 1, np.ptp(x) + 1, 3), np.uint8)
    expected[y - y.min(), x - x.min()] = plain
    assert np.array_equal(turned, expected)


def test_matrices_that_stretch_or_lean_are_left_to_ffmpeg() -> None:
    assert turn_of([2 << 16, 0, 0, 0, 2 << 16, 0, 0, 0, 1 << 30]) == ()
    assert turn_of([46341, -46341, 0, 46341, 46341, 0, 0, 0, 1 << 30]) == ()


def _decode(path: Path, ffmpeg: FFmpeg, filters: tuple[str, ...]) -> NDArray[np.uint8]:
    chain = ",".join([*filters, "format=rgb24"])
    arguments = ["-i", file_url(path), "-vf", chain, "-f", "rawvideo", "pipe:1"]
    with FFmpegProcess(ffmpeg.path, arguments, stdout=True) as process:
        data = np.frombuffer(process.read(48 * 32 * 3), np.uint8)
    return data.reshape((48, 32, 3) if transposes(filters) else (32, 48, 3))
