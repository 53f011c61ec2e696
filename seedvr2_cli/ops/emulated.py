"""8-bit convs where there are no such units: the codes, scales and roundings of the real ones, in float32.

Sums of products differ from a matrix unit's in the order of additions alone. No speed: it shows what 8 bits
make of a picture, on any device.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops.kernels import Kernels, as_picture, as_rows
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.reference import merge_taps, places
from seedvr2_cli.ops.scales import E4M3, E4M3_MAX, CodedWeight, Codes, e4m3_codes, quantise_weight
from seedvr2_cli.ops.slot_convs import Affine, Edges

SIGMAS = (
    32.0  # of a norm's result: nothing real is further off, and it costs no more than 8 (spec/perf.md 1.4)
)


@dataclass(frozen=True)
class _Conv:
    """weight: of (C_out, C_in, slots, 3, 3); bias: (C_out,) float32."""

    weight: CodedWeight
    bias: Tensor
    kernels: Kernels

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None) -> Moments:
        total = _sums(slots, self.weight.codes).mul_(self.weight.gain).add_(self.bias)
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
        down, across = places(2 * rows, *edges), places(2 * columns, True, True)
        for ay in (0, 1):
            read = tuple(slot[ay : ay + rows + 1] for slot in slots)
            for ax in (0, 1):
                total = _sums(read, self.weight.codes[ay, ax])[:, ax : ax + columns]
                total = total * (self.weight.gain * scale)
                out[ay::2, ax::2] = total.add_(self.bias[ay, ax][down[ay::2]][:, across[ax::2]])
        return self.kernels.moments(out)


class EmulatedE4M3:
    """e4m3 slots and weights. kernels: of the device, for what is not FP8."""

    name = "emulation"
    raw_full_scale: float | None = E4M3_MAX

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def codes(self, norm: Norm) -> Codes | None:
        return e4m3_codes(norm.peak(SIGMAS))

    def raw_codes(self, channels: int, scale: float) -> Codes | None:
        return Codes(E4M3, torch.full((channels,), 1.0 / scale, device=self._kernels.device))

    def conv(
        self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype
    ) -> _Conv:
        assert codes is not None, "slots of an 8-bit conv hold codes"
        device = self._kernels.device
        coded = quantise_weight(merge_taps(weight.to(device, torch.float32), slots), codes)
        return _Conv(coded, bias.to(device, torch.float32), self._kernels)

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> _Phases:
        device = self._kernels.device
        unit = Codes(E4M3, torch.ones(weight.shape[3], device=device))
        coded = quantise_weight(weight.to(device, torch.float32), unit)
        return _Phases(coded, bias.to(device, torch.float32), self._kernels)

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        assert codes is not None
        values = rows.float()
        if affine is not None:
            values = F.silu(values * affine[0] + affine[1])
        out.copy_(codes.encode(values))


def _sums(slots: tuple[Tensor, ...], codes: Tensor) -> Tensor:
    """Every place that the kernel fits in rows, and in columns with a zero on each side: (h', W', C_out)
    float32. Codes are kept in 8 bits, and widened for each call."""
    parts = (
        F.conv2d(as_picture(slot.float()), tap.float(), padding=(0, 1))
        for slot, tap in zip(slots, codes.unbind(2), strict=True)
    )
    total = next(parts)
    for part in parts:
        total += part
    return as_rows(total)
