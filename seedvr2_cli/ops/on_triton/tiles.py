"""The tile of the conv kernel: a table by capability, chosen to compile without spills.

tests/ops/on_triton/test_compiled.py holds each row to that. No row was timed on a GPU: where two hold, the
one that leaves room for two programs on a multiprocessor was taken.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import torch

from seedvr2_cli.ops.on_triton.available import has_descriptors, has_scaled_dot
from seedvr2_cli.ops.scales import CODE_TYPES


class Product(StrEnum):
    """How two tiles are multiplied."""

    DOT = "dot"  # accumulated in float32 (where the unit has it: not e4m3 on 9.0)
    SCALED = "scaled"  # e4m3 with block scales of 1: the full rate of 12.x
    PROMOTED = "promoted"  # e4m3 on 9.0, whose unit keeps 14 bits: each step's sum is added in float32
    INTEGER = "integer"  # int8, exact in int32


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
    product: Product = Product.DOT


@dataclass(frozen=True)
class Work:
    """What a conv multiplies: slots of dtype and c_in channels into n_padded; terms: products in one sum."""

    dtype: torch.dtype
    c_in: int
    n_padded: int
    terms: int

    @property
    def in_codes(self) -> bool:
        return self.dtype in CODE_TYPES


SMALLEST = 16  # the least that a dot takes in each direction
SMALLEST_BYTES = 32  # of input channels
MANY_TERMS = 4096  # 14 bits are 0.13 % off over 3456 terms, 0.31 % over 13,824 (emulated, spec/perf.md 1.4)
INTERPRETED = Tile(4, 8, 32, 32, 1, 1, False)

# A tile of 9.0 is one row: its matrix unit reads both operands from shared memory as TMA left them, while of
# a tile of several rows Triton makes a copy by way of registers (seen in 3.7 and 3.9).
# newest first: (from this capability on, leaves sums too) -> the tile for 128 channels and more
TABLE: tuple[tuple[tuple[int, int], bool, Tile], ...] = (  # in 16 bits
    ((12, 0), False, Tile(8, 16, 128, 32, 8, 4, True)),
    ((12, 0), True, Tile(8, 16, 128, 64, 8, 3, True)),
    ((9, 0), False, Tile(1, 128, 128, 64, 8, 3, True)),
    ((9, 0), True, Tile(1, 128, 128, 64, 8, 3, True)),
    ((8, 0), False, Tile(8, 16, 128, 32, 8, 4, False)),
    ((8, 0), True, Tile(8, 16, 128, 64, 8, 3, False)),
)
TABLE_CODED: tuple[tuple[tuple[int, int], bool, Tile], ...] = (  # in 8
    ((12, 0), False, Tile(8, 16, 128, 64, 8, 4, True)),
    ((12, 0), True, Tile(8, 16, 128, 64, 8, 4, True)),
    ((9, 0), False, Tile(1, 128, 128, 128, 8, 3, True)),
    ((9, 0), True, Tile(1, 128, 128, 128, 8, 3, True)),
    ((8, 0), False, Tile(8, 16, 128, 64, 8, 4, False)),
    ((8, 0), True, Tile(8, 16, 128, 64, 8, 4, False)),
)


def choose_tile(capability: tuple[int, int] | None, with_sums: bool, work: Work) -> Tile:
    """The tile for a conv. capability: None for the interpreter."""
    if capability is None:
        tile = INTERPRETED
    else:
        table = TABLE_CODED if work.in_codes else TABLE
        tile = next(row for least, sums, row in table if capability >= least and sums == with_sums)
        whole = work.c_in * work.dtype.itemsize % 16 == 0  # a descriptor's rows are whole 16 bytes
        tile = replace(tile, descriptors=tile.descriptors and has_descriptors(capability) and whole)
    return fitted(replace(tile, product=choose_product(capability, work)), work)


def choose_product(capability: tuple[int, int] | None, work: Work) -> Product:
    """How a conv multiplies there. Whether the device can is asked before (available)."""
    if work.dtype == torch.int8:
        return Product.INTEGER
    if work.in_codes and capability is not None:
        if has_scaled_dot(capability):
            return Product.SCALED
        if capability == (9, 0) and work.terms >= MANY_TERMS:
            return Product.PROMOTED
    return Product.DOT


def fitted(tile: Tile, work: Work) -> Tile:
    """The tile with no more channels than there are."""
    return replace(tile, n=min(tile.n, work.n_padded), k=min(tile.k, padded(work.c_in, work.dtype)))


def padded(channels: int, dtype: torch.dtype | None = None) -> int:
    """What weights are padded to: 16, 32, 64, or a multiple of 128. dtype: of input channels, whose least is
    in bytes."""
    least = SMALLEST if dtype is None else max(SMALLEST, SMALLEST_BYTES // dtype.itemsize)
    for size in (16, 32, 64):
        if channels <= size and size >= least:
            return size
    return -(-channels // 128) * 128
