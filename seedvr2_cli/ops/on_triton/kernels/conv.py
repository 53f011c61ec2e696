"""Convolution of causal slots as an implicit matmul, its operands read by pointers or by tensor descriptors.

A program makes one tile, TILE_H x TILE_W pixels of one frame by BLOCK_N channels; its loop walks slots, taps
and input channels. With TAPS 3 it is the causal 3x3x3 conv. With TAPS 2 and PHASES 4 it is the folded
upsampler: the four spatial phases are programs of one launch, and write interleaved.
"""

import triton
import triton.language as tl

from seedvr2_cli.ops.on_triton.kernels.rounding import round_to
from seedvr2_cli.ops.on_triton.kernels.sums import store_sums, tile_sums


@triton.jit(do_not_specialize=["height", "width", "at_top", "at_bottom", "zero"])
def conv(
    oldest,
    middle,
    newest,  # (height + 2, width, C_IN); with 2 slots `oldest` is not read, with 1 only `newest` is
    weight,  # (PHASES * SLOTS * TAPS * TAPS * n_padded, K_PADDED)
    gain,  # float32 (n_padded,) in 8 bits, else None
    tap_sums,  # int32 (PHASES, 3, n_padded) in int8, else None
    scale,  # of the codes in 8 bits, else None
    zero,  # the code of 0.0
    bias,  # float32, (n_padded,) or, with 4 phases, (4, 9, n_padded)
    residual,  # as out, or None
    out,
    partials,  # (tiles * PHASES, 3, c_out), or None
    height,
    width,
    c_out,
    n_padded,
    slot_row,
    out_row,
    out_pixel,
    at_top,
    at_bottom,
    C_IN: tl.constexpr,
    K_PADDED: tl.constexpr,
    SLOTS: tl.constexpr,
    TAPS: tl.constexpr,
    PHASES: tl.constexpr,
    TILE_H: tl.constexpr,
    TILE_W: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    PRODUCT: tl.constexpr,
    DESCRIPTORS: tl.constexpr,
    INTERPRETED: tl.constexpr,
):
    """One tile of a frame: matmul, bias, residual, one rounding, and the sums of what was written."""
    # neighbours in the grid make other channels, then other phases, of the same pixels: they share input
    n_blocks = tl.cdiv(c_out, BLOCK_N)
    block = tl.program_id(0) // n_blocks
    n0 = tl.program_id(0) % n_blocks * BLOCK_N
    phase = block % PHASES
    tiles_across = tl.cdiv(width, TILE_W)
    y0 = block // PHASES // tiles_across * TILE_H
    x0 = block // PHASES % tiles_across * TILE_W
    # the first tap's slot row and column, from the pixel's own row y and column x; a slot begins at row -1
    first_row = y0 + (phase // 2 if PHASES == 4 else 0)
    first_column = x0 - 1 + (phase % 2 if PHASES == 4 else 0)

    k_blocks: tl.constexpr = K_PADDED // BLOCK_K
    plane: tl.constexpr = TAPS * TAPS
    pixel = tl.arange(0, TILE_H * TILE_W)
    dy, dx = pixel // TILE_W, pixel % TILE_W
    acc = tl.zeros((TILE_H * TILE_W, BLOCK_N), tl.int32 if PRODUCT == "integer" else tl.float32)
    if DESCRIPTORS:
        for index in tl.static_range(SLOTS):
            slot = newest if index == SLOTS - 1 else middle if index == SLOTS - 2 else oldest
            for step in range(plane * k_blocks):
                tap = step // k_blocks
                k0 = step % k_blocks * BLOCK_K
                a = slot.load([first_row + tap // TAPS, first_column + tap % TAPS, k0])
                b = weight.load([((phase * SLOTS + index) * plane + tap) * n_padded + n0, k0])
                acc = _multiply(a.reshape(TILE_H * TILE_W, BLOCK_K), b.T, acc, PRODUCT, INTERPRETED)
    else:
        k = tl.arange(0, BLOCK_K)
        near = (dy * slot_row + dx * C_IN)[:, None] + k[None, :]
        near_weight = (n0 + tl.arange(0, BLOCK_N))[None, :] * K_PADDED + k[:, None]
        for step in range(SLOTS * plane * k_blocks):
            tap = step // k_blocks
            k0 = step % k_blocks * BLOCK_K
            slot = newest
            if SLOTS == 3:
                slot = tl.where(tap < plane, oldest, tl.where(tap < 2 * plane, middle, newest))
            elif SLOTS == 2:
                slot = tl.where(tap < plane, middle, newest)
            row = first_row + tap % plane // TAPS
            column = first_column + tap % TAPS
            x = column + dx
            inside = ((y0 + dy < height) & (x >= 0) & (x < width))[:, None]
            if C_IN != K_PADDED:
                inside = inside & (k0 + k < C_IN)[None, :]
            base = slot + row.to(tl.int64) * slot_row + column * C_IN + k0
            a = tl.load(base + near, mask=inside, other=0.0)
            b = tl.load(weight + (phase * SLOTS * plane + tap) * n_padded * K_PADDED + k0 + near_weight)
            acc = _multiply(a, b, acc, PRODUCT, INTERPRETED)

    n = n0 + tl.arange(0, BLOCK_N)
    if tap_sums is not None:
        acc -= zero * _sums_of_taps(tap_sums + phase * 3 * n_padded + n, n_padded, x0 + dx, width)
    if gain is not None:
        acc = acc.to(tl.float32) * (tl.load(gain + n) * scale)[None, :]
    if PHASES == 1:
        acc += tl.load(bias + n)[None, :]
    else:
        at_edge_y = tl.where(
            phase < 2, (y0 + dy == 0) & (at_top != 0), (y0 + dy == height - 1) & (at_bottom != 0)
        )
        at_edge_x = tl.where(phase % 2 == 0, x0 + dx == 0, x0 + dx == width - 1)
        acc += _phase_bias(bias + phase * 9 * n_padded + n, n_padded, phase, at_edge_y, at_edge_x)

    inside = (y0 + dy < height) & (x0 + dx < width)
    every: tl.constexpr = 2 if PHASES == 4 else 1
    row = every * y0 + (phase // 2 if PHASES == 4 else 0)
    column = every * x0 + (phase % 2 if PHASES == 4 else 0)
    base = row.to(tl.int64) * out_row + column * out_pixel
    near = (every * (dy * out_row + dx * out_pixel))[:, None] + n[None, :]
    mask = inside[:, None] & (n < c_out)[None, :]
    if residual is not None:
        acc += tl.load(residual + base + near, mask=mask, other=0.0).to(tl.float32)
    written = round_to(acc, out.dtype.element_ty, INTERPRETED)
    tl.store(out + base + near, written, mask=mask)
    if partials is not None:
        count = (tl.minimum(TILE_H, height - y0) * tl.minimum(TILE_W, width - x0)).to(tl.float32)
        values = tl.where(inside[:, None], written.to(tl.float32), 0.0)
        total, m2 = tile_sums(values, inside, count)
        store_sums(partials, block, c_out, n, count, total, m2)


@triton.jit
def _multiply(a, b, acc, PRODUCT: tl.constexpr, INTERPRETED: tl.constexpr):
    """acc + a @ b by the instruction that PRODUCT names (tiles.Product)."""
    if PRODUCT == "integer":
        return tl.dot(a, b, acc, out_dtype=tl.int32)  # told twice: 3.6 and 3.7 take no int32 acc otherwise
    elif INTERPRETED:
        # its bfloat16 dot gives garbage without a word, and 3.6 and 3.7 have no scaled one (spec/perf.md 1.2)
        return tl.dot(a.to(tl.float32), b.to(tl.float32), acc, input_precision="ieee")
    elif PRODUCT == "scaled":
        # scales of 1, as tensors: without them it becomes a bfloat16 product
        by_row = tl.full((a.shape[0], a.shape[1] // 32), 127, tl.uint8)
        by_column = tl.full((b.shape[1], b.shape[0] // 32), 127, tl.uint8)
        return tl.dot_scaled(a, by_row, "e4m3", b, by_column, "e4m3", acc)
    elif PRODUCT == "promoted":
        # not by max_num_imprecise_acc: it is lost, without a word, where Triton reads `a` from registers
        return acc + tl.dot(a, b)
    else:
        return tl.dot(a, b, acc, input_precision="ieee")


@triton.jit
def _sums_of_taps(tap_sums, n_padded, x, width):
    """(pixels, BLOCK_N): the weight summed over the taps that read codes. Columns outside the frame read as
    0, by pointers and descriptors alike, and not as the code of 0.0: nothing is to be taken off for them.
    (Reading that code there, by `other` of masked loads, has Triton put the tile into shared memory twice: 56
    KiB for 48 on 8.9.)"""
    whole = tl.load(tap_sums)[None, :]
    left = tl.load(tap_sums + n_padded)[None, :]
    right = tl.load(tap_sums + 2 * n_padded)[None, :]
    return whole - tl.where((x == 0)[:, None], left, 0) - tl.where((x == width - 1)[:, None], right, 0)


@triton.jit
def _phase_bias(bias, n_padded, phase, at_edge_y, at_edge_x):
    """(pixels, BLOCK_N). Of the 3 x 3 places a phase has the inside, an end row, an end column, a corner."""
    y, x = phase // 2 * 6, phase % 2 * 2
    inside = tl.load(bias + 4 * n_padded)[None, :]
    in_end_row = tl.load(bias + (y + 1) * n_padded)[None, :]
    in_end_column = tl.load(bias + (x + 3) * n_padded)[None, :]
    in_corner = tl.load(bias + (y + x) * n_padded)[None, :]
    at_edge_y, at_edge_x = at_edge_y[:, None], at_edge_x[:, None]
    at_end_row = tl.where(at_edge_x, in_corner, in_end_row)
    return tl.where(at_edge_y, at_end_row, tl.where(at_edge_x, in_end_column, inside))
