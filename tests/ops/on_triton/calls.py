"""The calls that must compile well for GPUs that are not there; run as a program, it compiles them all.

A process of its own, because Triton in its interpreter cannot compile. Prints {"12.0 conv 128": report, ...}.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict

import torch

from seedvr2_cli.ops.on_triton.conv import Epilogue, block_count, conv_call
from seedvr2_cli.ops.on_triton.launch import Call
from seedvr2_cli.ops.on_triton.norm_silu import norm_silu_call
from seedvr2_cli.ops.on_triton.packed import PackedConv, pack_conv3x3x3, pack_phases
from seedvr2_cli.ops.on_triton.ptx import compile_call
from seedvr2_cli.ops.on_triton.sums import frame_partials_call, merge_call
from seedvr2_cli.ops.on_triton.tiles import choose_tile

CAPABILITIES = ((12, 0), (9, 0), (8, 9))
HEIGHT, WIDTH = 64, 128


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor without memory: only types, sizes and strides count here."""
    return torch.empty(*shape, dtype=dtype, device="meta")


def convolution(
    c_in: int, c_out: int, slots: int, *, sums: bool = False, dtype: torch.dtype = torch.bfloat16
):
    """A causal conv, with its residual."""
    packed = pack_conv3x3x3(empty(c_out, c_in, 3, 3, 3), empty(c_out), slots, dtype)
    out = empty(HEIGHT, WIDTH, c_out, dtype=dtype)
    return lambda capability: _call(capability, packed, out, Epilogue(residual=out, with_sums=sums))


def upsampler(channels: int, slots: int, *, sums: bool = False):
    """A folded upsampler."""
    weight, bias = empty(2, 2, channels, channels, slots, 2, 2), empty(2, 2, 3, 3, channels)
    packed = pack_phases(weight, bias, torch.bfloat16)
    out = empty(2 * HEIGHT, 2 * WIDTH, channels, dtype=torch.bfloat16)
    return lambda capability: _call(capability, packed, out, Epilogue(with_sums=sums))


def norm(out_type: torch.dtype):
    """Norm and SiLU of a 128-channel map."""
    x, constants = empty(HEIGHT, WIDTH, 128, dtype=torch.bfloat16), empty(128)
    return lambda _: norm_silu_call(x, constants, constants, empty(*x.shape, dtype=out_type))


def _call(capability: tuple[int, int], packed: PackedConv, out: torch.Tensor, epilogue: Epilogue) -> Call:
    slots = tuple(empty(HEIGHT + 2, WIDTH, packed.c_in, dtype=out.dtype) for _ in range(packed.slots))
    tile = choose_tile(capability, epilogue.with_sums, packed.c_in, packed.bias.shape[-1])
    rows = empty(block_count(slots[0], packed, tile), 3, packed.c_out) if epilogue.with_sums else None
    return conv_call(slots, packed, out, epilogue, tile, rows)


MATMULS: dict[str, Callable[[tuple[int, int]], Call]] = {
    "conv 128": convolution(128, 128, 3),
    "conv 256": convolution(256, 256, 3),
    "conv 512": convolution(512, 512, 3),
    "conv 256 float16": convolution(256, 128, 2, dtype=torch.float16),
    "conv 128 with sums": convolution(128, 128, 3, sums=True),
    "conv 512 with sums": convolution(512, 512, 1, sums=True),
    "conv 3 to 128": convolution(3, 128, 3),
    "conv 128 to 3": convolution(128, 3, 3),
    "upsampler 512": upsampler(512, 2),
    "upsampler 256 with sums": upsampler(256, 3, sums=True),
}
PASSES: dict[str, Callable[[tuple[int, int]], Call]] = {
    "norm": norm(torch.bfloat16),
    "norm to e4m3": norm(torch.float8_e4m3fn),
    "sums": lambda _: frame_partials_call(empty(HEIGHT, WIDTH, 128, dtype=torch.bfloat16), empty(8, 3, 128)),
    "merge": lambda _: merge_call(empty(80, 3, 128), empty(2, 3, 128)),
}


def named(capability: tuple[int, int], name: str) -> str:
    """The key of a report."""
    return f"{capability[0]}.{capability[1]} {name}"


if __name__ == "__main__":
    made = {
        named(capability, name): asdict(compile_call(call(capability), capability))
        for capability in CAPABILITIES
        for name, call in (MATMULS | PASSES).items()
    }
    json.dump(made, sys.stdout)
