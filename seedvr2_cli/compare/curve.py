"""Every frame's numbers, kept small: for a plot of a whole film, and for the list of its worst frames."""

import math
from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.compare.metrics import FrameScore


@dataclass(frozen=True)
class Point:
    """frame: counted from 0. value: dB or SSIM; infinite dB where nothing differs."""

    frame: int
    value: float


class Curve:
    """PSNR and SSIM frame by frame, 16 bytes for each frame."""

    def __init__(self) -> None:
        self._psnr = array("d")
        self._ssim = array("d")

    def __len__(self) -> int:
        return len(self._psnr)

    def add(self, score: FrameScore) -> None:
        """Take the next frame's numbers."""
        self._psnr.append(score.psnr)
        self._ssim.append(math.nan if score.ssim is None else score.ssim)

    def __getitem__(self, frame: int) -> FrameScore:
        ssim = self._ssim[frame]
        return FrameScore(frame, self._psnr[frame], None if math.isnan(ssim) else ssim)

    def worst(self, count: int) -> list[FrameScore]:
        """Up to `count` frames of the lowest PSNR, lowest first; frames that are equal are left out."""
        order = np.argsort(np.asarray(self._psnr), kind="stable")[:count]
        return [self[int(frame)] for frame in order if math.isfinite(self._psnr[frame])]

    def group(self, limit: int) -> int:
        """How many frames share a point so that there are at most `limit` points."""
        return max(1, -(-len(self) // limit))

    def psnr(self, limit: int) -> list[Point]:
        """The lowest PSNR of each group of frames."""
        return _lowest(np.asarray(self._psnr), self.group(limit))

    def ssim(self, limit: int) -> list[Point]:
        """The lowest SSIM of each group of frames; none for frames below 11x11 pixels."""
        values = np.asarray(self._ssim)
        return [] if np.isnan(values).any() else _lowest(values, self.group(limit))


def _lowest(values: NDArray[np.float64], group: int) -> list[Point]:
    frames = (first + int(values[first : first + group].argmin()) for first in range(0, len(values), group))
    return [Point(frame, float(values[frame])) for frame in frames]
