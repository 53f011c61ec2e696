"""Before and after in one picture: side by side, behind a moving line, or as a grid.

Pictures are (H, W, 3), uint8 or uint16; of different depth, both become 16 bits. One that is smaller than the
other is scaled up to it, bilinear. Small labels name the parts where there is room for them.
"""

from fractions import Fraction

import numpy as np

from seedvr2_cli.base.choices import View
from seedvr2_cli.compare.font import HEIGHT, draw_label, text_width
from seedvr2_cli.compare.pictures import amplified, enlarged, peak_of, same_depth
from seedvr2_cli.media.reader import Pixels

GAP = 4  # black pixels between two pictures; even, so that an even size stays even
LINE = 2  # white pixels
PASS_S = 4  # seconds in which the line crosses the picture
GAIN = 8  # of the difference in the grid
ZOOM = 4

_BEFORE, _AFTER = "Before", "After"


def view_size(view: View, width: int, height: int) -> tuple[int, int]:
    """(width, height) of what `compose` makes of pictures of this size."""
    wide = width if view is View.WIPE else 2 * width + GAP
    return wide, 2 * height + GAP if view is View.GRID else height


def compose(view: View, before: Pixels, after: Pixels, at: float) -> Pixels:
    """One picture of both. at: where the line of a wipe stands, 0 (left) to 1."""
    if view is View.SIDE:
        return side(before, after)
    return wipe(before, after, at) if view is View.WIPE else grid(before, after)


def side(before: Pixels, after: Pixels) -> Pixels:
    """(H, 2 W + 4, 3): before | after."""
    before, after = _alike(before, after)
    return _beside(_labelled(before, _BEFORE), _labelled(after, _AFTER))


def wipe(before: Pixels, after: Pixels, at: float) -> Pixels:
    """(H, W, 3): before left of a white line, after right of it."""
    before, after = _alike(before, after)
    width = before.shape[1]
    column = round(at * width)
    picture = _labelled(after, _AFTER, right=True)
    picture[:, :column] = _labelled(before, _BEFORE)[:, :column]
    _draw_line(picture, column)
    return picture


def grid(before: Pixels, after: Pixels) -> Pixels:
    """(2 H + 4, 2 W + 4, 3): before, after; below them 8 times their difference, and the middle of both four
    times as large, each in a half."""
    before, after = _alike(before, after)
    difference, _ = same_depth(amplified(before, after, GAIN), before)
    top = _beside(_labelled(before, _BEFORE), _labelled(after, _AFTER))
    bottom = _beside(_labelled(difference, f"Difference x{GAIN}"), _zoomed(before, after))
    between = np.zeros((GAP, *top.shape[1:]), top.dtype)
    return np.concatenate([top, between, bottom])


def line_at(index: int, count: int, rate: Fraction) -> float:
    """Where the line of a wipe stands in frame `index` of `count`, 0 to 1.

    It goes from left to right and back, 4 seconds each way or what is near to it, and ends at a side. In a
    still it stands in the middle.
    """
    if count < 2 or not rate:
        return 0.5
    passes = max(1, round(count / rate / PASS_S))
    place = passes * index / (count - 1) % 2
    return place if place <= 1 else 2 - place


def _alike(before: Pixels, after: Pixels) -> tuple[Pixels, Pixels]:
    before, after = same_depth(before, after)
    height, width = (max(sides) for sides in zip(before.shape[:2], after.shape[:2], strict=True))
    return enlarged(before, width, height), enlarged(after, width, height)


def _beside(left: Pixels, right: Pixels) -> Pixels:
    between = np.zeros((left.shape[0], GAP, 3), left.dtype)
    return np.concatenate([left, between, right], axis=1)


def _labelled(picture: Pixels, text: str, *, right: bool = False) -> Pixels:
    """A copy with a label in a corner at the top, where the picture has room for it."""
    picture = picture.copy()
    height, width, _ = picture.shape
    scale = max(1, height // 360)
    margin = 4 * scale
    wide, high = text_width(text, scale) + 4 * scale, (HEIGHT + 4) * scale
    if wide + 2 * margin <= width // 2 and high + 2 * margin <= height // 2:
        draw_label(picture, width - margin - wide if right else margin, margin, text, scale)
    return picture


def _draw_line(picture: Pixels, column: int) -> None:
    first = max(column - LINE // 2, 0)
    picture[:, first : first + LINE] = peak_of(picture)


def _zoomed(before: Pixels, after: Pixels) -> Pixels:
    """(H, W, 3): the left half shows the middle of before, the right half the same of after."""
    height, width, _ = before.shape
    wide = (width + 1) // 2
    rows, columns = -(-height // ZOOM), -(-wide // ZOOM)
    top, left = (height - rows) // 2, (width - columns) // 2
    crops = (picture[top : top + rows, left : left + columns] for picture in (before, after))
    large = [crop.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)[:height] for crop in crops]
    first, second = _labelled(large[0][:, :wide], f"{_BEFORE} x{ZOOM}"), large[1][:, : width - wide]
    both = np.concatenate([first, _labelled(second, f"{_AFTER} x{ZOOM}")], axis=1)
    _draw_line(both, wide)
    return both
