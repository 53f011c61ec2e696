"""Letters for pictures: a bitmap font of 5x7 pixels, for short labels."""

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.compare.pictures import peak_of
from seedvr2_cli.media.reader import Pixels

WIDTH, HEIGHT = 5, 7
ADVANCE = WIDTH + 1

# each letter from top to bottom, one row of five pixels a word
_ROWS = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "01110 00100 00100 00100 00100 00100 01110",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 10101 10101 10011 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "Q": "01110 10001 10001 10001 10101 10010 01101",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "V": "10001 10001 10001 10001 10001 01010 00100",
    "W": "10001 10001 10001 10101 10101 11011 10001",
    "X": "10001 10001 01010 00100 01010 10001 10001",
    "Y": "10001 10001 01010 00100 00100 00100 00100",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11111 00010 00100 00010 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    " ": "00000 00000 00000 00000 00000 00000 00000",
    ".": "00000 00000 00000 00000 00000 01100 01100",
    ",": "00000 00000 00000 00000 01100 00100 01000",
    ":": "00000 01100 01100 00000 01100 01100 00000",
    "-": "00000 00000 00000 11111 00000 00000 00000",
    "_": "00000 00000 00000 00000 00000 00000 11111",
    "?": "01110 10001 00001 00010 00100 00000 00100",
}


def text_width(text: str, scale: int = 1) -> int:
    """Pixels that a text takes across."""
    return max(len(text) * ADVANCE - 1, 0) * scale


def draw_text(pixels: Pixels, x: int, y: int, text: str, scale: int = 1) -> None:
    """Write white letters into a picture (H, W, 3), in place, their top left corner at (x, y).

    Small letters become large ones and unknown ones `?`; what lies outside the picture is left out.
    """
    letters = _bitmap(text).repeat(scale, axis=0).repeat(scale, axis=1)
    area = pixels[max(y, 0) :, max(x, 0) :][: letters.shape[0], : letters.shape[1]]
    area[letters[: area.shape[0], : area.shape[1]]] = peak_of(pixels)


def draw_label(pixels: Pixels, x: int, y: int, text: str, scale: int = 1) -> None:
    """`draw_text` on a black box two letter pixels larger on each side, whose corner is (x, y)."""
    box = pixels[y : y + (HEIGHT + 4) * scale, x : x + text_width(text, scale) + 4 * scale]
    box[:] = 0
    draw_text(pixels, x + 2 * scale, y + 2 * scale, text, scale)


def _bitmap(text: str) -> NDArray[np.bool_]:
    """The letters of a text side by side, (7, 6 for each)."""
    bitmap = np.zeros((HEIGHT, max(len(text) * ADVANCE, 1)), bool)
    for place, letter in enumerate(text.upper()):
        rows = _ROWS.get(letter, _ROWS["?"]).split()
        cells = [[pixel == "1" for pixel in row] for row in rows]
        bitmap[:, place * ADVANCE : place * ADVANCE + WIDTH] = cells
    return bitmap
