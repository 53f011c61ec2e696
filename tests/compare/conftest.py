"""Pictures to compare."""

from pathlib import Path

import numpy as np
import pytest

from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg


@pytest.fixture(scope="session")
def ffmpeg() -> FFmpeg:
    return describe(find_ffmpeg())


@pytest.fixture(scope="session")
def clip(data: Path) -> Path:
    return data / "clips/Eyes_212x120.mp4"


def noise(height: int, width: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    """A random picture (H, W, 3)."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)


def disturbed(picture: np.ndarray, by: int, seed: int = 1) -> np.ndarray:
    """The picture with every sample off by up to `by`."""
    off = np.random.default_rng(seed).integers(-by, by, picture.shape, endpoint=True)
    return np.clip(picture.astype(int) + off, 0, np.iinfo(picture.dtype).max).astype(picture.dtype)
