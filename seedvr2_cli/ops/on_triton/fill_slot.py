"""From a raw map's rows into a slot's: through the norm's affine map and SiLU, or as they are."""

import torch
from torch import Tensor

from seedvr2_cli.ops.contracts import check_map, check_tensor
from seedvr2_cli.ops.on_triton.launch import Call, blocks, interpreted, run
from seedvr2_cli.ops.scales import Codes

BLOCK_PIXELS = 32  # with 128 channels 48 to 64 registers and 16-byte loads (spec/perf.md 1.2)
BLOCK_CHANNELS = 128


def norm_silu(x: Tensor, scale: Tensor, shift: Tensor, out: Tensor, codes: Codes | None = None) -> None:
    """Write silu(x * scale + shift), computed in float32, into out.

    x: raw map (h, W, C). scale, shift: (C,) float32, of this frame. out: (h, W, C), rows of a slot
    (contracts.interior), in x's type or as codes. out may be x. Raises ShapeError where they do not fit.
    As reference.norm_silu.
    """
    run(fill_slot_call(x, (scale, shift), out, codes), x.device)


def encode(x: Tensor, out: Tensor, codes: Codes) -> None:
    """Write the codes of x, a raw map (h, W, C), into out, rows of a slot. As codes.encode."""
    run(fill_slot_call(x, None, out, codes), x.device)


def fill_slot_call(x: Tensor, affine: tuple[Tensor, Tensor] | None, out: Tensor, codes: Codes | None) -> Call:
    """What norm_silu and encode run. affine: scale and shift."""
    from seedvr2_cli.ops.on_triton.kernels import fill_slot as kernels

    check_map("x", x)
    channels = x.shape[-1]
    scale, shift = affine or (None, None)
    lift = codes.lift if codes else None
    for name, constant in (("scale", scale), ("shift", shift), ("lift", lift)):
        if constant is not None:
            check_tensor(name, constant, (channels,), torch.float32, x.device)
    check_tensor("out", out, tuple(x.shape), codes.dtype if codes else x.dtype, x.device)
    pixels = x.shape[0] * x.shape[1]
    return Call(
        kernels.fill_slot,
        blocks(pixels, BLOCK_PIXELS) * blocks(channels, BLOCK_CHANNELS),
        {
            "x": x,
            "scale": scale,
            "shift": shift,
            "lift": lift,
            "inverse": codes.inverse if codes else None,
            "out": out,
            "zero": codes.zero if codes else 0,
            "pixels": pixels,
            "channels": channels,
            "BLOCK_P": BLOCK_PIXELS,
            "BLOCK_C": BLOCK_CHANNELS,
            "INTERPRETED": interpreted(out),
        },
        warps=4,
        stages=1,
    )
