"""Small steps on pictures (H, W, 3), R'G'B' of full range: one depth, one size, what differs."""

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.media.reader import Pixels

Picture = NDArray[np.uint8]


def peak_of(pixels: Pixels) -> int:
    """The largest value a sample can have: 255 or 65535."""
    return int(np.iinfo(pixels.dtype).max)


def same_depth(a: Pixels, b: Pixels) -> tuple[Pixels, Pixels]:
    """Both in 16 bits if one of them is: v becomes 257 v, which is exact."""
    return (a, b) if a.dtype == b.dtype else (_in_16_bits(a), _in_16_bits(b))


def in_8_bits(pixels: Pixels) -> Picture:
    """Rounded to 8 bits."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def amplified(a: Pixels, b: Pixels, gain: int) -> Picture:
    """`gain` times the difference of two pictures of one size, in 8 bits, cut off at white."""
    a, b = same_depth(a, b)
    difference = np.abs(np.subtract(a, b, dtype=np.int32)).astype(np.float32)
    difference *= gain * 255 / peak_of(a)
    picture: Picture = np.minimum(np.rint(difference), 255).astype(np.uint8)
    return picture


def enlarged(pixels: Pixels, width: int, height: int) -> Pixels:
    """A picture scaled up to width and height, bilinear, as if its pixels were little squares.

    One of that size is returned as it is.
    """
    rows, columns, _ = pixels.shape
    if (rows, columns) == (height, width):
        return pixels
    picture = _stretched(pixels.astype(np.float32), height)
    picture = _stretched(picture.swapaxes(0, 1), width).swapaxes(0, 1)
    return np.ascontiguousarray(np.rint(picture).astype(pixels.dtype))


def averaged(pixels: Pixels, k: int) -> Picture:
    """In 8 bits, each square of k pixels become one."""
    picture = in_8_bits(pixels)
    return picture if k == 1 else np.rint(squares(picture, k).mean(axis=(1, 3))).astype(np.uint8)


def squares(picture: Picture, k: int) -> Picture:
    """(rows, k, columns, k, 3): squares of k pixels; the last ones are filled up with the border's."""
    height, width, _ = picture.shape
    padded = np.pad(picture, ((0, -height % k), (0, -width % k), (0, 0)), mode="edge")
    return padded.reshape(padded.shape[0] // k, k, padded.shape[1] // k, k, 3)


def _stretched(picture: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Interpolate along the first axis to `count` rows."""
    size = len(picture)
    place = np.clip((np.arange(count) + 0.5) * size / count - 0.5, 0, size - 1)
    before = np.floor(place).astype(int)
    part = (place - before).astype(np.float32)[:, None, None]
    between: NDArray[np.float32] = (
        picture[before] * (1 - part) + picture[np.minimum(before + 1, size - 1)] * part
    )
    return between


def _in_16_bits(pixels: Pixels) -> Pixels:
    return pixels if pixels.dtype.itemsize == 2 else pixels.astype(np.uint16) * np.uint16(257)
