"""The ffmpeg and the clips that the tests of media share, and the check that none of them leaves a child."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Pixels


@pytest.fixture(scope="session")
def ffmpeg() -> FFmpeg:
    """The program that imageio-ffmpeg brings, or $SEEDVR2_FFMPEG."""
    return describe(find_ffmpeg())


@pytest.fixture(scope="session")
def clips(data: Path) -> Path:
    """The clips that travel with the tests."""
    return data / "clips"


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    """Fail a test that ends while a process it started still runs, or waits to be reaped."""
    before = children()
    yield
    assert children() == before


def is_too_new(name: str, ffmpeg: FFmpeg) -> bool:
    """Whether ffmpeg is an older build that does not read animated WebP, or does not crop Matroska."""
    new_only = ("anim.webp", "alpha_anim.webp", "crop_mkv.mkv")
    return name in new_only and ffmpeg.version.startswith(("5.", "6.", "7.", "n6.", "n7."))


def children() -> set[int]:
    """The process ids of this process's children, zombies too."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(after_name[1]) == os.getpid():
            found.add(int(entry.parent.name))
    return found


def read_all(path: Path, ffmpeg: FFmpeg) -> Pixels:
    """All frames of a file as one array (frames, height, width, 3)."""
    with FrameReader(probe(path, ffmpeg), ffmpeg) as reader:
        return np.stack([frame.pixels for frame in reader])
