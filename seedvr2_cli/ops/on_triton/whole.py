"""The Triton operators as whole convs for the engine: in the maps' own type, or in 8-bit codes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.ops.coding import codes_behind, first_code
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.on_triton.conv import Epilogue, conv3x3x3, conv_instruction, conv_phases
from seedvr2_cli.ops.on_triton.fill_slot import encode, norm_silu
from seedvr2_cli.ops.on_triton.instruction import Instruction
from seedvr2_cli.ops.on_triton.packed import PackedConv, pack_conv3x3x3, pack_phases
from seedvr2_cli.ops.on_triton.sums import Partials, finish_sums
from seedvr2_cli.ops.scales import Codes
from seedvr2_cli.ops.slot_convs import Affine, Edges

SAMPLE = (128, 16, 16)  # channels, rows and columns of a conv whose instruction stands for all


@dataclass(frozen=True)
class _Conv:
    packed: PackedConv
    codes: Codes | None

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None) -> Moments:
        scale, zero = (self.codes.scale, self.codes.zero) if self.codes else (1.0, 0)
        epilogue = Epilogue(residual, with_sums=True, scale=scale, zero=zero)
        return _moments(conv3x3x3(slots, self.packed, out, epilogue))


@dataclass(frozen=True)
class _Phases:
    packed: PackedConv

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, edges: Edges, scale: float) -> Moments:
        epilogue = Epilogue(with_sums=True, edges=edges, scale=scale)
        return _moments(conv_phases(slots, self.packed, out, epilogue))


class TritonConvs:
    """code: what slots hold, float8_e4m3fn or int8; None: the maps' own type."""

    name = "Triton"

    def __init__(self, device: torch.device, code: torch.dtype | None = None) -> None:
        self.first_code = None if code is None else first_code(code)
        self._device = device
        self._code = code

    def codes(self, norm: Norm) -> Codes | None:
        return codes_behind(norm, self._code) if self._code else None

    def raw_codes(self, scale: float) -> Codes | None:
        return Codes(self._code, scale) if self._code else None

    def conv(
        self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype
    ) -> _Conv:
        packed = pack_conv3x3x3(self._wide(weight), self._wide(bias), slots, codes or dtype)
        return _Conv(packed, codes)

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> _Phases:
        unit = self.raw_codes(1.0)
        return _Phases(pack_phases(self._wide(weight), self._wide(bias), unit or dtype))

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        if affine is not None:
            norm_silu(rows, *affine, out, codes)
        elif codes is not None:
            encode(rows, out, codes)
        else:
            out.copy_(rows)

    def instruction(self, dtype: torch.dtype) -> Instruction | None:
        """What multiplies in a conv of 128 channels to maps of dtype; None in the interpreter."""
        channels, rows, columns = SAMPLE
        codes = self.raw_codes(1.0)
        weight = torch.zeros(channels, channels, 3, 3, 3, device=self._device)
        packed = pack_conv3x3x3(weight, weight.new_zeros(channels), 3, codes or dtype)
        kind = codes.dtype if codes else dtype
        slot = torch.zeros(rows + 2, columns, channels, dtype=kind, device=self._device)
        out = torch.empty(rows, columns, channels, dtype=dtype, device=self._device)
        return conv_instruction((slot,) * 3, packed, out, Epilogue(with_sums=True))

    def _wide(self, value: Tensor) -> Tensor:
        return value.to(self._device, torch.float32)


def _moments(partials: Partials | None) -> Moments:
    assert partials is not None, "asked for with the epilogue"
    sums = finish_sums([partials])
    return Moments(sums.count, sums.total / sums.count, sums.m2)
