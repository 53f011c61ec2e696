"""The à-trous blur: three taps, twice as far apart in every stage."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BAND = 1 << 17  # values: 512 KiB of float32 and as much for the result stay in a core's cache
_Map = TypeVar("_Map", Tensor, NDArray[np.float32])


def low(frames: Tensor, stages: int) -> Tensor:
    """Frames (..., H, W) after `stages` blurs of radius 1, 2, 4, ...; edges are repeated.

    Each is [1 2 1] / 4 along both sides with taps `radius` apart, the radius at most an eighth of the shorter
    side. The variance of one is radius**2 / 2: three are about a Gaussian of 3.2 pixels, five of 13.
    Source: spec/dit.md 8.
    """
    height, width = frames.shape[-2:]
    limit = max(1, min(height, width) // 8)
    radii = [min(1 << stage, limit) for stage in range(stages)]
    blurred = frames.clone(memory_format=torch.contiguous_format)
    # the sides are independent of each other: all stages along one, then all along the other
    if blurred.device.type == "cpu":
        for piece in _pieces(blurred.numpy()):
            _blur_down(piece, radii)
    else:
        _blur_down(blurred.mT, radii)
        _blur_down(blurred, radii)
    return blurred


def _pieces(frames: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Views whose columns are to be blurred: bands of rows, turned, then bands of columns.

    They are small and in numpy: torch's threads would wait for each other after every short step, 10 times as
    long as the blur takes where another process needs the cores.
    """
    height, width = frames.shape[-2:]
    for plane in frames.reshape(-1, height, width):
        rows, columns = max(1, _BAND // width), max(1, _BAND // height)
        yield from (plane[top : top + rows].T for top in range(0, height, rows))
        yield from (plane[:, left : left + columns] for left in range(0, width, columns))


def _blur_down(frames: _Map, radii: list[int]) -> None:
    """Blur columns in place, once for every radius; by sums alone, which one exact factor brings back."""
    length = frames.shape[-2]
    now = frames
    for radius in radii:
        reach = min(radius, length)
        inner = length - reach
        blurred = now + now
        blurred[..., reach:, :] += now[..., :inner, :]
        blurred[..., :reach, :] += now[..., :1, :]
        blurred[..., :inner, :] += now[..., reach:, :]
        blurred[..., inner:, :] += now[..., -1:, :]
        now = blurred
    frames[...] = now * 0.25 ** len(radii)
