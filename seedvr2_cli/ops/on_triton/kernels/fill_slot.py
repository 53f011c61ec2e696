"""A raw map's rows into a slot's, through scale, shift and SiLU or as they are; in 16 bits or as codes."""

import triton
import triton.language as tl

from seedvr2_cli.ops.on_triton.kernels.rounding import round_to, round_to_int8


@triton.jit(do_not_specialize=["pixels", "zero"])
def fill_slot(
    x,  # (pixels, channels)
    scale,
    shift,  # float32 (channels,), or None: neither norm nor SiLU
    lift,  # float32 (channels,) for codes of equalised channels, else None
    inverse,  # a number for codes, else None
    out,
    zero,
    pixels,
    channels,
    BLOCK_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
    INTERPRETED: tl.constexpr,
):
    """BLOCK_P pixels by BLOCK_C channels, computed in float32."""
    blocks = tl.cdiv(channels, BLOCK_C)
    first = tl.program_id(0) // blocks * BLOCK_P
    p = tl.arange(0, BLOCK_P)
    c = tl.program_id(0) % blocks * BLOCK_C + tl.arange(0, BLOCK_C)
    base = first.to(tl.int64) * channels
    near = p[:, None] * channels + c[None, :]
    inside = (first + p < pixels)[:, None] & (c < channels)[None, :]
    value = tl.load(x + base + near, mask=inside, other=0.0).to(tl.float32)
    if scale is not None:
        value = value * tl.load(scale + c, mask=c < channels, other=0.0)[None, :]
        value = value + tl.load(shift + c, mask=c < channels, other=0.0)[None, :]
        value = value * tl.sigmoid(value)
    if inverse is not None:
        value = value * inverse
    if lift is not None:
        value = value * tl.load(lift + c, mask=c < channels, other=0.0)[None, :]
    if out.dtype.element_ty == tl.int8:
        stored = round_to_int8(value, zero)
    else:
        stored = round_to(value, out.dtype.element_ty, INTERPRETED)
    tl.store(out + base + near, stored, mask=inside)
