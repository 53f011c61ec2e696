"""8-bit convs where there are no such units: the codes, scales and roundings of the real ones, in float32.

Sums of products differ from a matrix unit's in the order of additions alone. No speed: it shows what 8 bits
make of a picture, on any device.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops.coding import codes_behind, first_code
from seedvr2_cli.ops.kernels import Kernels, as_picture, as_rows
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.reference import interleaved, merge_taps, norm_silu
from seedvr2_cli.ops.scales import CodedWeight, Codes, quantise_weight
from seedvr2_cli.ops.slot_convs import Affine, Edges


@dataclass(frozen=True)
class _Conv:
    """weight: of (C_out, C_in, slots, 3, 3); codes: of its slots; bias: (C_out,) float32."""

    weight: CodedWeight
    codes: Codes
    bias: Tensor
    kernels: Kernels

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None) -> Moments:
        total = _sums(slots, self.weight.codes, self.codes.zero)
        total.mul_(self.weight.gain * self.codes.scale).add_(self.bias)
        out.copy_(total if residual is None else total.add_(residual))
        return self.kernels.moments(out)


@dataclass(frozen=True)
class _Phases:
    """weight: of (2, 2, C_out, C_in, slots, 2, 2); bias: (2, 2, 3, 3, C_out) float32."""

    weight: CodedWeight
    bias: Tensor
    kernels: Kernels

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, edges: Edges, scale: float) -> Moments:
        rows, columns = slots[0].shape[0] - 2, slots[0].shape[1]
        gain, phases = self.weight.gain * scale, []
        for ay in (0, 1):
            read = tuple(slot[ay : ay + rows + 1] for slot in slots)
            for ax in (0, 1):
                total = _sums(read, self.weight.codes[ay, ax], zero=0)
                phases.append(total[:, ax : ax + columns] * gain)
        out.copy_(interleaved(tuple(phases), self.bias, edges))
        return self.kernels.moments(out)


class Emulated:
    """Slots and weights of code, float8_e4m3fn or int8. kernels: of the device, for what is not in 8 bits."""

    name = "emulation"

    def __init__(self, kernels: Kernels, code: torch.dtype) -> None:
        self.first_code: float | None = first_code(code)
        self._kernels = kernels
        self._code = code

    def codes(self, norm: Norm) -> Codes | None:
        return codes_behind(norm, self._code)

    def raw_codes(self, scale: float) -> Codes | None:
        return Codes(self._code, scale)

    def conv(
        self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype
    ) -> _Conv:
        assert codes is not None, "slots of an 8-bit conv hold codes"
        device = self._kernels.device
        merged = merge_taps(weight.to(device, torch.float32), slots)
        coded = quantise_weight(merged, codes.dtype, codes.lift)
        return _Conv(coded, codes, bias.to(device, torch.float32), self._kernels)

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> _Phases:
        device = self._kernels.device
        coded = quantise_weight(weight.to(device, torch.float32), self._code)
        return _Phases(coded, bias.to(device, torch.float32), self._kernels)

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        assert codes is not None
        out.copy_(codes.encode(rows) if affine is None else norm_silu(rows, *affine, codes))


def _sums(slots: tuple[Tensor, ...], weight: Tensor, zero: int) -> Tensor:
    """Every place that the kernel fits in rows, and in columns with 0.0 on each side: (h', W', C_out)
    float32. Codes are kept in 8 bits, and widened for each call. zero: the slots' code of 0.0."""
    parts = (
        F.conv2d(as_picture(slot.float() - zero), tap.float(), padding=(0, 1))
        for slot, tap in zip(slots, weight.unbind(2), strict=True)
    )
    total = next(parts)
    for part in parts:
        total += part
    return as_rows(total)
