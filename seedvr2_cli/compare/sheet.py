"""The contact sheet: chosen frames of two clips in rows, with their amplified difference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seedvr2_cli.compare.font import HEIGHT, draw_text
from seedvr2_cli.compare.pictures import Picture, amplified, averaged, in_8_bits, squares
from seedvr2_cli.media.reader import Pixels

CELL = 480  # pixels: the longest side of a picture
SPREAD = 4  # frames from the first to the last, beside the worst ones
MAX_GAIN = 128
GROUND = 24  # of 255: the gray behind the pictures

_MARGIN, _SCALE = 8, 2
_LINE = HEIGHT * _SCALE + _MARGIN
_VISIBLE = 64  # of 255: what the mean error should look like


@dataclass(frozen=True)
class Cells:
    """A row of the sheet: one frame of both clips and the difference, at the sheet's size."""

    label: str
    pictures: tuple[Picture, Picture, Picture]


def spread(count: int, wanted: int = SPREAD) -> list[int]:
    """Up to `wanted` frame numbers, evenly from the first to the last of `count` frames."""
    return sorted({round(i * (count - 1) / (wanted - 1)) for i in range(wanted)})


def gain_for(rms: float) -> int:
    """The largest power of two, 1 to 128, that keeps an error of this size (root mean square, part of the
    peak) within a quarter of white."""
    gain = 1
    while gain < MAX_GAIN and 2 * gain * rms * 255 <= _VISIBLE:
        gain *= 2
    return gain


def cells(label: str, a: Pixels, b: Pixels, gain: int) -> Cells:
    """Bring a frame of both clips (H, W, 3) to the sheet's size.

    A large picture is averaged over squares; of the difference each square keeps its largest value, so that
    a single wrong pixel stays visible.
    """
    height, width, _ = a.shape
    longest = max(height, width)
    if longest > CELL:
        k = -(-longest // CELL)
        largest = squares(amplified(a, b, gain), k).max(axis=(1, 3))
        return Cells(label, (averaged(a, k), averaged(b, k), largest))
    k = max(1, CELL // longest)
    left, right, difference = (
        picture.repeat(k, axis=0).repeat(k, axis=1)
        for picture in (in_8_bits(a), in_8_bits(b), amplified(a, b, gain))
    )
    return Cells(label, (left, right, difference))


def contact_sheet(rows: Iterable[Cells], headings: Sequence[str]) -> Picture:
    """All rows below one heading for each column; (H, W, 3), at most 1472 pixels wide."""
    rows = list(rows)
    height, width, _ = rows[0].pictures[0].shape
    column, row_height = max(width, CELL // 2) + _MARGIN, _LINE + height + _MARGIN
    sheet = np.full((_MARGIN + _LINE + len(rows) * row_height, _MARGIN + 3 * column, 3), GROUND, np.uint8)
    lefts = [_MARGIN + i * column for i in range(3)]
    for left, heading in zip(lefts, headings, strict=True):
        draw_text(sheet[:, : left + column - _MARGIN], left, _MARGIN, heading, _SCALE)
    for number, row in enumerate(rows):
        top = _MARGIN + _LINE + number * row_height
        draw_text(sheet, _MARGIN, top, row.label, _SCALE)
        for left, picture in zip(lefts, row.pictures, strict=True):
            sheet[top + _LINE : top + _LINE + height, left : left + width] = picture
    return sheet
