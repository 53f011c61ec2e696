"""The film as raw frames on disk, and the parts of it that are never trained on."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FRAMES = 14_315
HELD = ((5_760, 8_640), (1_128, 1_297))  # minutes 4:00 to 6:00, seconds 47 to 54: for evaluation alone
CREDITS = 11_760  # from here on text on flat ground
PERIOD, CHUNK = 60, 13  # of the larger size: the first 13 frames of every 60


@dataclass(frozen=True)
class FilmSize:
    """A size at which the film is kept as RGB, 8 bits."""

    width: int
    height: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"film_{self.height}.rgb"


SMALL, LARGE = FilmSize(320, 180), FilmSize(640, 360)


def open_film(folder: Path, size: FilmSize) -> NDArray[np.uint8]:
    """The small size: (T, H, W, 3), all frames. The large one: (N, CHUNK, H, W, 3), all chunks.

    Read from disk as it is used.
    """
    frames = np.memmap(folder / size.name, np.uint8, "r").reshape(-1, size.height, size.width, 3)
    if size == SMALL:
        return frames
    return frames[: len(frames) // CHUNK * CHUNK].reshape(-1, CHUNK, size.height, size.width, 3)


@cache
def allowed_chunks() -> NDArray[np.int64]:
    """Numbers of the larger size's chunks that touch nothing held, without the credits."""
    return np.array([n for n in range(CREDITS // PERIOD) if _allowed(n * PERIOD, CHUNK)])


@cache
def allowed_starts(length: int) -> NDArray[np.int64]:
    """First frames of the pieces of `length` frames that touch nothing held."""
    return np.array([first for first in range(FRAMES - length + 1) if _allowed(first, length)])


def _allowed(first: int, length: int) -> bool:
    return all(first + length <= begin or first >= end for begin, end in HELD)
