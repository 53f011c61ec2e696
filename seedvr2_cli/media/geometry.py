"""Which way up: display matrices as ffmpeg's filters."""

from collections.abc import Mapping, Sequence

# (a, b, c, d) of the matrix, which moves (x, y) to (ax + cy, bx + dy)
_TURNS: Mapping[tuple[int, int, int, int], tuple[str, ...]] = {
    (-1, 0, 0, 1): ("hflip",),
    (1, 0, 0, -1): ("vflip",),
    (-1, 0, 0, -1): ("hflip", "vflip"),
    (0, -1, 1, 0): ("transpose=cclock",),
    (0, 1, -1, 0): ("transpose=clock",),
    (0, 1, 1, 0): ("transpose=cclock_flip",),
    (0, -1, -1, 0): ("transpose=clock_flip",),
}
_ONE = 1 << 16  # the matrix holds 16.16 fixed point numbers


def turn_of(matrix: Sequence[int]) -> tuple[str, ...]:
    """The filters that bring a frame with this display matrix (9 numbers) upright.

    None for an upright one, and for one that is stretched or askew: that is left to ffmpeg.
    """
    a, b, _, c, d = matrix[:5]
    if any(value % _ONE for value in (a, b, c, d)):
        return ()
    return _TURNS.get((a // _ONE, b // _ONE, c // _ONE, d // _ONE), ())


def transposes(turn: Sequence[str]) -> bool:
    """Whether the filters swap width and height."""
    return any(name.startswith("transpose") for name in turn)
