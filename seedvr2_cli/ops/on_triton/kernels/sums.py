"""Per-channel count, total and M2 of pixels: of a map, of a conv's own tile, and merged without atomics.

Partial sums are (blocks, 3, channels) float32, rows of count, total and M2. Each block belongs to one
program, and merging takes a fixed number of neighbours at a time: the same input gives the same bits.
"""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["pixels"])
def map_sums(
    x,  # (pixels, channels)
    partials,
    pixels,
    channels,
    TILES: tl.constexpr,
    TILE_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    """One block: TILES times TILE_P pixels, tile after tile merged into what came before."""
    blocks = tl.cdiv(channels, BLOCK_C)
    block = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BLOCK_C + tl.arange(0, BLOCK_C)
    p = tl.arange(0, TILE_P)
    first = block * (TILES * TILE_P)
    x += first.to(tl.int64) * channels
    count = 0.0
    total = tl.zeros((BLOCK_C,), tl.float32)
    m2 = tl.zeros((BLOCK_C,), tl.float32)
    for tile in range(TILES):
        inside = first + tile * TILE_P + p < pixels
        near = (tile * TILE_P + p)[:, None] * channels + c[None, :]
        values = tl.load(x + near, mask=inside[:, None] & (c < channels)[None, :], other=0.0).to(tl.float32)
        tile_count = tl.minimum(tl.maximum(pixels - first - tile * TILE_P, 0), TILE_P).to(tl.float32)
        tile_total, tile_m2 = tile_sums(values, inside, tile_count)
        merged = count + tile_count
        apart = tile_total / tl.maximum(tile_count, 1.0) - total / tl.maximum(count, 1.0)
        m2 += tile_m2 + apart * apart * (count * tile_count / merged)
        total += tile_total
        count = merged
    store_sums(partials, block, channels, c, count, total, m2)


@triton.jit(do_not_specialize=["blocks_in"])
def merge_sums(partials, merged, blocks_in, channels, GROUP: tl.constexpr, BLOCK_C: tl.constexpr):
    """Partial sums of GROUP neighbouring blocks into one."""
    blocks = tl.cdiv(channels, BLOCK_C)
    group = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BLOCK_C + tl.arange(0, BLOCK_C)
    member = group * GROUP + tl.arange(0, GROUP)
    inside = (member < blocks_in)[:, None] & (c < channels)[None, :]
    at = member.to(tl.int64)[:, None] * 3 * channels + c[None, :]
    counts = tl.load(partials + at, mask=inside, other=0.0)
    totals = tl.load(partials + at + channels, mask=inside, other=0.0)
    m2s = tl.load(partials + at + 2 * channels, mask=inside, other=0.0)
    count = tl.sum(counts, 0)
    total = tl.sum(totals, 0)
    apart = totals / tl.maximum(counts, 1.0) - (total / tl.maximum(count, 1.0))[None, :]
    store_sums(merged, group, channels, c, count, total, tl.sum(m2s + counts * apart * apart, 0))


@triton.jit
def tile_sums(values, inside, count):
    """(total, M2) of float32 values (pixels, channels), which are zero where not inside; count of inside."""
    total = tl.sum(values, 0)
    centred = tl.where(inside[:, None], values - (total / tl.maximum(count, 1.0))[None, :], 0.0)
    return total, tl.sum(centred * centred, 0)


@triton.jit
def store_sums(partials, block, channels, c, count, total, m2):
    """Write one block's row; count is one number for all channels or one for each."""
    at = partials + block.to(tl.int64) * 3 * channels + c
    tl.store(at, tl.zeros_like(total) + count, mask=c < channels)
    tl.store(at + channels, total, mask=c < channels)
    tl.store(at + 2 * channels, m2, mask=c < channels)
