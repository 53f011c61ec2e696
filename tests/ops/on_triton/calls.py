"""The calls that must compile well for GPUs that are not there; run as a program, it compiles them all.

A process of its own, because Triton in its interpreter cannot compile. Prints {"12.0 conv 128": report, ...};
with the argument "slow", of the rows that are left out otherwise.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace

import torch

from seedvr2_cli.ops.on_triton.conv import Epilogue, block_count, conv_call
from seedvr2_cli.ops.on_triton.fill_slot import fill_slot_call
from seedvr2_cli.ops.on_triton.instruction import instruction_of
from seedvr2_cli.ops.on_triton.launch import Call, emitted
from seedvr2_cli.ops.on_triton.packed import PackedConv, pack_conv3x3x3, pack_phases
from seedvr2_cli.ops.on_triton.ptx import compile_call
from seedvr2_cli.ops.on_triton.sums import frame_partials_call, merge_call
from seedvr2_cli.ops.on_triton.tiles import Product, choose_tile
from seedvr2_cli.ops.scales import E4M3, Codes

Capability = tuple[int, int]
Make = Callable[[Capability], Call]

CAPABILITIES = ((12, 0), (9, 0), (8, 9))
HEIGHT, WIDTH = 64, 128


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor without memory: only types, sizes and strides count here."""
    return torch.empty(*shape, dtype=dtype, device="meta")


def convolution(
    c_in: int, c_out: int, slots: int, *, sums: bool = False, dtype: torch.dtype = torch.bfloat16
) -> Make:
    """A causal conv, with its residual."""
    packed = pack_conv3x3x3(empty(c_out, c_in, 3, 3, 3), empty(c_out), slots, dtype)
    out = empty(HEIGHT, WIDTH, c_out, dtype=dtype)
    return lambda capability: _call(capability, packed, out, Epilogue(residual=out, with_sums=sums))


def upsampler(channels: int, slots: int, *, sums: bool = False) -> Make:
    """A folded upsampler."""
    weight, bias = empty(2, 2, channels, channels, slots, 2, 2), empty(2, 2, 3, 3, channels)
    packed = pack_phases(weight, bias, torch.bfloat16)
    out = empty(2 * HEIGHT, 2 * WIDTH, channels, dtype=torch.bfloat16)
    return lambda capability: _call(capability, packed, out, Epilogue(with_sums=sums))


def coded_convolution(dtype: torch.dtype, c_in: int, c_out: int, slots: int, *, sums: bool = False) -> Make:
    """A causal conv in 8 bits, with its residual in 16."""

    def make(capability: Capability) -> Call:
        weight, bias = torch.ones(c_out, c_in, 3, 3, 3), torch.ones(c_out)
        packed = pack_conv3x3x3(weight, bias, slots, codes(dtype, c_in))
        out = empty(HEIGHT, WIDTH, c_out, dtype=torch.bfloat16)
        return _call(capability, _on_meta(packed), out, Epilogue(out, sums))

    return make


def coded_upsampler(dtype: torch.dtype, channels: int, slots: int, *, sums: bool = False) -> Make:
    """A folded upsampler in 8 bits."""

    def make(capability: Capability) -> Call:
        weight, bias = torch.ones(2, 2, channels, channels, slots, 2, 2), torch.ones(2, 2, 3, 3, channels)
        packed = pack_phases(weight, bias, codes(dtype, channels))
        out = empty(2 * HEIGHT, 2 * WIDTH, channels, dtype=torch.bfloat16)
        return _call(capability, _on_meta(packed), out, Epilogue(with_sums=sums))

    return make


def scaled_anyway(capability: Capability) -> Call:
    """A block-scaled product, also where the compiler makes something else of it."""
    call = coded_convolution(E4M3, 128, 128, 3)(capability)
    return replace(call, arguments={**call.arguments, "PRODUCT": Product.SCALED.value})


def norm(form: torch.dtype | Codes) -> Make:
    """Norm and SiLU of a 128-channel map."""
    x, constants = empty(HEIGHT, WIDTH, 128, dtype=torch.bfloat16), empty(128)
    in_codes = isinstance(form, Codes)
    out = empty(*x.shape, dtype=form.dtype if in_codes else form)
    return lambda _: fill_slot_call(x, (constants, constants), out, form if in_codes else None)


def encoding(form: Codes) -> Make:
    """A 128-channel map as it is, into codes."""
    x = empty(HEIGHT, WIDTH, 128, dtype=torch.bfloat16)
    return lambda _: fill_slot_call(x, None, empty(*x.shape, dtype=form.dtype), form)


def codes(dtype: torch.dtype, channels: int, device: str = "cpu") -> Codes:
    """Any: kernels are compiled for all of a type, in int8 with channels equalised."""
    return Codes(dtype, lift=torch.ones(channels, device=device) if dtype == torch.int8 else None)


def _on_meta(packed: PackedConv) -> PackedConv:
    """Weights in 8 bits are packed from values, and compiled without."""
    names = ("weight", "bias", "gain", "tap_sums")
    held = {name: getattr(packed, name) for name in names}
    return replace(packed, **{name: value.to("meta") for name, value in held.items() if value is not None})


def _call(capability: Capability, packed: PackedConv, out: torch.Tensor, epilogue: Epilogue) -> Call:
    dtype = packed.weight.dtype
    slots = tuple(empty(HEIGHT + 2, WIDTH, packed.c_in, dtype=dtype) for _ in range(packed.slots))
    tile = choose_tile(capability, epilogue.with_sums, packed.work)
    rows = empty(block_count(slots[0], packed, tile), 3, packed.c_out) if epilogue.with_sums else None
    return conv_call(slots, packed, out, epilogue, tile, rows)


MATMULS: dict[str, Make] = {
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
PASSES: dict[str, Make] = {
    "norm": norm(torch.bfloat16),
    "norm to e4m3": norm(codes(E4M3, 128, "meta")),
    "norm to int8": norm(codes(torch.int8, 128, "meta")),
    "map to int8": encoding(codes(torch.int8, 128, "meta")),
    "sums": lambda _: frame_partials_call(empty(HEIGHT, WIDTH, 128, dtype=torch.bfloat16), empty(8, 3, 128)),
    "merge": lambda _: merge_call(empty(80, 3, 128), empty(2, 3, 128)),
}
# in 8 bits, for either type
CODED: dict[str, Callable[[torch.dtype], Make]] = {
    "conv 128": lambda dtype: coded_convolution(dtype, 128, 128, 3),
    "conv 512 with sums": lambda dtype: coded_convolution(dtype, 512, 512, 1, sums=True),
    "upsampler 256 with sums": lambda dtype: coded_upsampler(dtype, 256, 3, sums=True),
    "conv 512": lambda dtype: coded_convolution(dtype, 512, 512, 3),
    "conv 256 to 128": lambda dtype: coded_convolution(dtype, 256, 128, 2),
    "conv 128 with sums": lambda dtype: coded_convolution(dtype, 128, 128, 3, sums=True),
    "conv 48 to 40": lambda dtype: coded_convolution(dtype, 48, 40, 3),
    "conv 20 to 24": lambda dtype: coded_convolution(dtype, 20, 24, 3),  # no row of 16 bytes: by pointers
    "upsampler 512": lambda dtype: coded_upsampler(dtype, 512, 2),
}
QUICK = ("conv 128", "conv 512 with sums", "upsampler 256 with sums")
CODED_ON: dict[torch.dtype, tuple[Capability, ...]] = {
    E4M3: (*CAPABILITIES, (10, 0)),
    torch.int8: (*CAPABILITIES, (8, 6), (8, 0), (10, 0)),
}
RARE = ((10, 0), (8, 0))  # left to the slow run


def coded_rows(*, slow: bool) -> list[tuple[Capability, torch.dtype, str]]:
    """(capability, type, name) of what is compiled in 8 bits, by default or in the slow run."""
    return [
        (capability, dtype, name)
        for dtype, capabilities in CODED_ON.items()
        for capability in capabilities
        for name in CODED
        if slow == (name not in QUICK or capability in RARE)
    ]


def named(capability: Capability, name: str, dtype: torch.dtype | None = None) -> str:
    """The key of a report."""
    kind = {E4M3: "e4m3 ", torch.int8: "int8 "}.get(dtype, "") if dtype else ""
    return f"{capability[0]}.{capability[1]} {kind}{name}"


def calls(*, slow: bool) -> dict[str, tuple[Capability, Make]]:
    """All to be compiled, by the key of their report."""
    made = {named(c, name, dtype): (c, CODED[name](dtype)) for c, dtype, name in coded_rows(slow=slow)}
    if not slow:
        plain = MATMULS | PASSES
        made |= {named(c, name): (c, call) for c in CAPABILITIES for name, call in plain.items()}
        made[named((9, 0), "scaled anyway")] = ((9, 0), scaled_anyway)
    return made


class StandIn:
    """As much of a driver as Triton asks for before it starts a kernel."""

    def __init__(self, capability: Capability) -> None:
        from triton.backends.compiler import GPUTarget

        self._target = GPUTarget("cuda", capability[0] * 10 + capability[1], 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self):
        return self._target


def launched(capability: Capability) -> str:
    """What a launch would run there, in words."""
    from triton.runtime import driver

    driver.set_active(StandIn(capability))
    call = CODED["conv 128"](E4M3)(capability)
    ptx = emitted(call, torch.device("meta"))
    return instruction_of(ptx).words if ptx else "interpreted"


if __name__ == "__main__":
    wanted = calls(slow="slow" in sys.argv[1:])
    reports = {name: asdict(compile_call(make(at), at)) for name, (at, make) in wanted.items()}
    json.dump(reports | {"launched on 12.0": launched((12, 0))}, sys.stdout)
