"""Scale, shift and SiLU of a raw map's rows into a slot's, in 16 bits or in e4m3."""

import triton
import triton.language as tl

from seedvr2_cli.ops.on_triton.kernels.rounding import round_to


@triton.jit(do_not_specialize=["pixels"])
def norm_silu(
    x,  # (pixels, channels)
    scale,
    shift,  # float32 (channels,)
    out,
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
    value = value * tl.load(scale + c, mask=c < channels, other=0.0)[None, :]
    value = value + tl.load(shift + c, mask=c < channels, other=0.0)[None, :]
    value = value * tl.sigmoid(value)
    tl.store(out + base + near, round_to(value, out.dtype.element_ty, INTERPRETED), mask=inside)
