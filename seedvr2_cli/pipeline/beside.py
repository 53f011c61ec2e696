"""What goes round the model: the time and the transparency of each picture, in the order of the pictures."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from seedvr2_cli.media.reader import Frame, Pixels
from seedvr2_cli.prepare.prepare import unit_frames
from seedvr2_cli.prepare.resize import resize


@dataclass(frozen=True)
class _Kept:
    time: Fraction
    alpha: Pixels | None
    size: tuple[int, int] | None = None


class Beside:
    """Holds as many as the model has pictures in it; the memory is its owner's."""

    def __init__(self) -> None:
        self._waiting: deque[_Kept] = deque()

    def keep_times(self, times: Iterable[Fraction]) -> None:
        """Remember the times of all pictures, where they are known at once."""
        self._waiting.extend(_Kept(time, None) for time in times)

    def take_times(self) -> list[Fraction]:
        """All times that are left, which nobody else will take."""
        times = [kept.time for kept in self._waiting]
        self._waiting.clear()
        return times

    def keep(self, frame: Frame, size: tuple[int, int] | None = None) -> None:
        """Remember what does not go into the model. size: (width, height) that the picture will have, None:
        its own."""
        self._waiting.append(_Kept(frame.time, frame.alpha, size))

    def take(self, picture: Pixels) -> tuple[Pixels, Fraction | None]:
        """The next picture (H, W, 3) with its transparency (H, W, 4) where there is any, and its time.

        A picture that is larger than it was read (padded) gets the last row and column of the transparency.
        """
        if not self._waiting:
            return picture, None
        kept = self._waiting.popleft()
        if kept.alpha is None:
            return picture, kept.time
        alpha = kept.alpha if kept.size is None else _resized(kept.alpha, kept.size)
        height, width, _ = picture.shape
        whole: Pixels = np.empty((height, width, 4), picture.dtype)
        whole[..., :3] = picture
        rows, columns = alpha.shape
        whole[:rows, :columns, 3] = _of_size(alpha, picture.itemsize)
        whole[rows:, :columns, 3] = whole[rows - 1, :columns, 3]
        whole[:, columns:, 3] = whole[:, columns - 1 : columns, 3]
        return whole, kept.time


def _resized(plane: Pixels, size: tuple[int, int]) -> Pixels:
    """The plane (h, w) by the filter that pictures are resized with."""
    shown = resize(unit_frames([plane[..., None]]), size)[0, 0].numpy()
    return np.rint(shown * np.iinfo(plane.dtype).max).astype(plane.dtype)


def _of_size(plane: Pixels, itemsize: int) -> Pixels:
    """The plane with samples of 1 or 2 bytes."""
    if plane.itemsize == itemsize:
        return plane
    if itemsize == 2:
        return plane.astype(np.uint16) * np.uint16(257)
    return ((plane.astype(np.uint32) + 128) // 257).astype(np.uint8)
