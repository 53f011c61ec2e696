"""Films and their frames for the tests of shots."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import Frame, FrameReader, Reading
from seedvr2_cli.shots.find import SMALL

CUTS = {
    "bbb_shots_270p.mp4": [23, 70, 113, 153, 233],
    "bbb_180p_aac.mp4": [65],
    "bbb_720p_aac51.mp4": [],
    "city_640x360.mp4": [],
    "Eyes_212x120.mp4": [],
    "Mustache_640x360.mp4": [],
}
OURS = ("bbb_180p_aac.mp4", "Eyes_212x120.mp4", "Mustache_640x360.mp4")  # those that travel with the tests
NAMES = [pytest.param(name, marks=() if name in OURS else pytest.mark.shared) for name in CUTS]


@pytest.fixture(scope="session")
def ffmpeg() -> FFmpeg:
    """The program that imageio-ffmpeg brings, or $SEEDVR2_FFMPEG."""
    return describe(find_ffmpeg())


@pytest.fixture(scope="session")
def small(data: Path, shared: Path, ffmpeg: FFmpeg) -> Callable[[str], list[Frame]]:
    """All frames of a clip by name, as detectors look at them."""

    def read(name: str) -> list[Frame]:
        path = data / "clips" / name if name in OURS else shared / "clips" / name
        with FrameReader(probe(path, ffmpeg), ffmpeg, Reading(small=SMALL)) as reader:
            return list(reader)

    return read
