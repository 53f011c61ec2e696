"""The causal 3x3x3 conv and the folded upsampler over slots, with residual and sums in their epilogue."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops.contracts import check_map, check_slots, check_tensor
from seedvr2_cli.ops.on_triton.instruction import Instruction, instruction_of
from seedvr2_cli.ops.on_triton.launch import Call, blocks, capability_of, emitted, interpreted, run
from seedvr2_cli.ops.on_triton.packed import PackedConv
from seedvr2_cli.ops.on_triton.sums import Partials
from seedvr2_cli.ops.on_triton.tiles import Tile, choose_tile


@dataclass(frozen=True)
class Epilogue:
    """residual: a raw map like out, added before the one rounding; it may be out itself. with_sums: leave the
    partial sums of what was written. edges: whether the rows begin at the frame's top and end at its bottom
    (conv_phases alone asks). scale, zero: of the slots' codes (scales.Codes)."""

    residual: Tensor | None = None
    with_sums: bool = False
    edges: tuple[bool, bool] = (True, True)
    scale: float = 1.0
    zero: int = 0


PLAIN = Epilogue()


def conv3x3x3(
    slots: tuple[Tensor, ...], packed: PackedConv, out: Tensor, epilogue: Epilogue = PLAIN
) -> Partials | None:
    """Write one frame's rows of a causal conv into out, (h, W, C_out), accumulating in float32, or int8 in
    int32.

    slots: (h + 2, W, C_in) each, oldest first, as many as packed for, in the form packed for; out: in their
    type, or, of codes, in any map's. Returns the sums that the epilogue asks for. Raises ShapeError where
    they do not fit. As reference.conv3x3x3 and conv3x3x3_coded.
    """
    if packed.phases != 1:
        raise ShapeError("weights of a folded upsampler given to conv3x3x3")
    return _run(slots, packed, out, epilogue)


def conv_phases(
    slots: tuple[Tensor, ...], packed: PackedConv, out: Tensor, epilogue: Epilogue = PLAIN
) -> Partials | None:
    """Write one frame's rows of a folded upsampler into out, (2h, 2W, C_out): all four spatial phases.

    slots: (h + 2, W, C_in) of the low-resolution map. As reference.conv_phases and conv_phases_coded, else as
    conv3x3x3.
    """
    if packed.phases != 4:
        raise ShapeError("weights of a plain conv given to conv_phases")
    return _run(slots, packed, out, epilogue)


def conv_instruction(
    slots: tuple[Tensor, ...], packed: PackedConv, out: Tensor, epilogue: Epilogue = PLAIN
) -> Instruction | None:
    """What multiplies when conv3x3x3 or conv_phases is called with these; nothing is computed. None in the
    interpreter."""
    ptx = emitted(_prepared(slots, packed, out, epilogue)[0], out.device)
    return None if ptx is None else instruction_of(ptx)


def conv_call(
    slots: tuple[Tensor, ...],
    packed: PackedConv,
    out: Tensor,
    epilogue: Epilogue,
    tile: Tile,
    partials: Tensor | None,
) -> Call:
    """What conv3x3x3 and conv_phases run; partials: (blocks, 3, C_out) with sums, else None."""
    from seedvr2_cli.ops.on_triton.kernels import conv as kernels

    height, width = check_slots(slots, packed.slots, packed.c_in)
    every = 2 if packed.phases == 4 else 1
    shape = (every * height, every * width, packed.c_out)
    check_map("out", out)
    out_type = slots[0].dtype if packed.gain is None else out.dtype
    check_tensor("out", out, shape, out_type, slots[0].device)
    if epilogue.residual is not None:
        check_tensor("residual", epilogue.residual, shape, out.dtype, out.device)
    check_tensor("weight", packed.weight, tuple(packed.weight.shape), slots[0].dtype, out.device)
    arguments = {
        **_operands(slots, packed.weight, tile),
        "gain": packed.gain,
        "tap_sums": packed.tap_sums,
        "scale": None if packed.gain is None else float(epilogue.scale),
        "zero": epilogue.zero,
        "bias": packed.bias,
        "residual": epilogue.residual,
        "out": out,
        "partials": partials,
        "height": height,
        "width": width,
        "c_out": packed.c_out,
        "n_padded": packed.bias.shape[-1],
        "slot_row": slots[0].stride(0),
        "out_row": out.stride(0),
        "out_pixel": out.stride(1),
        "at_top": int(epilogue.edges[0]),
        "at_bottom": int(epilogue.edges[1]),
        "C_IN": packed.c_in,
        "K_PADDED": packed.weight.shape[1],
        "SLOTS": packed.slots,
        "TAPS": packed.taps,
        "PHASES": packed.phases,
        "TILE_H": tile.height,
        "TILE_W": tile.width,
        "BLOCK_N": tile.n,
        "BLOCK_K": tile.k,
        "PRODUCT": tile.product.value,
        "DESCRIPTORS": tile.descriptors,
        "INTERPRETED": interpreted(out),
    }
    programs = block_count(slots[0], packed, tile) * blocks(packed.c_out, tile.n)
    return Call(kernels.conv, programs, arguments, tile.warps, tile.stages)


def block_count(slot: Tensor, packed: PackedConv, tile: Tile) -> int:
    """How many partial sums a call leaves: one for each tile of pixels and phase."""
    return blocks(slot.shape[0] - 2, tile.height) * blocks(slot.shape[1], tile.width) * packed.phases


def _run(slots: tuple[Tensor, ...], packed: PackedConv, out: Tensor, epilogue: Epilogue) -> Partials | None:
    call, rows = _prepared(slots, packed, out, epilogue)
    run(call, out.device)
    return None if rows is None else Partials(rows, out.shape[0] * out.shape[1])


def _prepared(
    slots: tuple[Tensor, ...], packed: PackedConv, out: Tensor, epilogue: Epilogue
) -> tuple[Call, Tensor | None]:
    tile = choose_tile(capability_of(out), epilogue.with_sums, packed.work)
    rows = None
    if epilogue.with_sums:
        rows = torch.empty(block_count(slots[0], packed, tile), 3, packed.c_out, device=out.device)
    return conv_call(slots, packed, out, epilogue, tile, rows), rows


def _operands(slots: tuple[Tensor, ...], weight: Tensor, tile: Tile) -> dict[str, Any]:
    """The slots, the missing older ones stood in for by the oldest, and the weight."""
    oldest, middle, newest = (slots[0],) * (3 - len(slots)) + slots
    if not tile.descriptors:
        return {"oldest": oldest, "middle": middle, "newest": newest, "weight": weight}
    from triton.tools.tensor_descriptor import TensorDescriptor

    block = [tile.height, tile.width, tile.k]
    return {
        "oldest": TensorDescriptor.from_tensor(oldest, block),
        "middle": TensorDescriptor.from_tensor(middle, block),
        "newest": TensorDescriptor.from_tensor(newest, block),
        "weight": TensorDescriptor.from_tensor(weight, [tile.n, tile.k]),
    }
