"""The norm's affine map and SiLU, from a raw map's rows into a slot's."""

import torch
from torch import Tensor

from seedvr2_cli.ops.contracts import check_map, check_tensor
from seedvr2_cli.ops.on_triton.launch import Call, blocks, interpreted, run

BLOCK_PIXELS = 32  # with 128 channels 48 to 64 registers and 16-byte loads (spec/perf.md 1.2)
BLOCK_CHANNELS = 128


def norm_silu(x: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> None:
    """Write silu(x * scale + shift), computed in float32, into out.

    x: raw map (h, W, C). scale, shift: (C,) float32, of this frame. out: (h, W, C), rows of a slot
    (contracts.interior), in x's type or float8_e4m3fn, which saturates at 448. out may be x.
    Raises ShapeError where they do not fit. As reference.norm_silu.
    """
    run(norm_silu_call(x, scale, shift, out), x.device)


def norm_silu_call(x: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> Call:
    """What norm_silu runs."""
    from seedvr2_cli.ops.on_triton.kernels import norm_silu as kernels

    check_map("x", x)
    channels = x.shape[-1]
    check_tensor("scale", scale, (channels,), torch.float32, x.device)
    check_tensor("shift", shift, (channels,), torch.float32, x.device)
    out_type = out.dtype if out.dtype == torch.float8_e4m3fn else x.dtype
    check_tensor("out", out, tuple(x.shape), out_type, x.device)
    pixels = x.shape[0] * x.shape[1]
    return Call(
        kernels.norm_silu,
        blocks(pixels, BLOCK_PIXELS) * blocks(channels, BLOCK_CHANNELS),
        {
            "x": x,
            "scale": scale,
            "shift": shift,
            "out": out,
            "pixels": pixels,
            "channels": channels,
            "BLOCK_P": BLOCK_PIXELS,
            "BLOCK_C": BLOCK_CHANNELS,
            "INTERPRETED": interpreted(out),
        },
        warps=4,
        stages=1,
    )
