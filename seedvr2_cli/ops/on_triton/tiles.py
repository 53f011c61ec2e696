"""The tile of the conv kernel: a table by capability, chosen to compile without spills.

tests/ops/on_triton/test_compiled.py holds each row to that. No row was timed on a GPU: where two hold, the
one that leaves room for two programs on a multiprocessor was taken.
"""

from dataclasses import dataclass, replace

from seedvr2_cli.ops.on_triton.available import has_descriptors


@dataclass(frozen=True)
class Tile:
    """A program's height x width pixels by n channels, k input channels a step; descriptors: read by TMA."""

    height: int
    width: int
    n: int
    k: int
    warps: int
    stages: int
    descriptors: bool


SMALLEST = 16  # the least that a dot takes in each direction
INTERPRETED = Tile(4, 8, 32, 32, 1, 1, False)

# newest first: (from this capability on, leaves sums too) -> the tile for 128 channels and more in 16 bits
TABLE: tuple[tuple[tuple[int, int], bool, Tile], ...] = (
    ((12, 0), False, Tile(8, 16, 128, 32, 8, 4, True)),
    ((12, 0), True, Tile(8, 16, 128, 64, 8, 3, True)),
    ((9, 0), False, Tile(8, 16, 128, 64, 8, 3, True)),
    ((9, 0), True, Tile(8, 16, 128, 64, 8, 4, True)),
    ((8, 0), False, Tile(8, 16, 128, 32, 8, 4, False)),
    ((8, 0), True, Tile(8, 16, 128, 64, 8, 3, False)),
)


def choose_tile(capability: tuple[int, int] | None, with_sums: bool, c_in: int, n_padded: int) -> Tile:
    """The tile for a conv of c_in channels to n_padded. capability: None for the interpreter."""
    if capability is None:
        tile = INTERPRETED
    else:
        tile = next(row for least, sums, row in TABLE if capability >= least and sums == with_sums)
        # a descriptor's rows are whole 16 bytes
        tile = replace(tile, descriptors=tile.descriptors and has_descriptors(capability) and c_in % 8 == 0)
    return fitted(tile, c_in, n_padded)


def fitted(tile: Tile, c_in: int, n_padded: int) -> Tile:
    """The tile with no more channels than there are."""
    return replace(tile, n=min(tile.n, n_padded), k=min(tile.k, padded(c_in)))


def padded(channels: int) -> int:
    """What weights are padded to: 16, 32, 64, or a multiple of 128."""
    for size in (SMALLEST, 32, 64):
        if channels <= size:
            return size
    return -(-channels // 128) * 128
