"""8-bit integer convs on a CPU, by oneDNN: a whole causal conv over slots of codes in one call.

The slots lie side by side in the channels of one picture, so that one 2-D conv sums all taps in int32; that
was 1.1 to 2 times as fast as three summed convs, and as one 3-D conv. oneDNN takes unsigned codes: those of
the slots, 128 up. Its operators are torch's own, made for its compiler: names without a promise, which
`int8_problem` tries.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.ops.coding import codes_behind, first_code
from seedvr2_cli.ops.contracts import interior, new_slot
from seedvr2_cli.ops.kernels import Kernels, as_picture, as_rows
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.reference import conv3x3x3_coded, merge_taps
from seedvr2_cli.ops.scales import Codes, quantise_weight
from seedvr2_cli.ops.slot_convs import Affine, Edges

UP = 128  # from signed codes to unsigned ones
PIECE = 1 << 17  # elements whose float32 a CPU's cache holds
ROUNDING = 1.5 * 2**23  # added to a small float32, it leaves a whole number in the lowest bits
ONE = [1, 1]
PADDING = [0, 1]  # of zero codes: one column on each side


class OneDNNInt8:
    """A `SlotConvs` of int8 codes and int8 weights. kernels: of the CPU, for what is not in 8 bits."""

    name = "int8"

    def __init__(self, kernels: Kernels) -> None:
        self.first_code: float | None = first_code(torch.int8)
        self._kernels = kernels

    def codes(self, norm: Norm) -> Codes | None:
        return codes_behind(norm, torch.int8)

    def raw_codes(self, scale: float) -> Codes | None:
        return Codes(torch.int8, scale)

    def conv(
        self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype
    ) -> "_Conv":
        assert codes is not None, "slots of an 8-bit conv hold codes"
        coded = quantise_weight(merge_taps(weight.float(), slots), torch.int8, codes.lift)
        packed = _packed(coded.codes, coded.gain, codes.zero)
        return _Conv(packed, codes.scale, bias.float(), self._kernels)

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> "_Phases":
        coded = quantise_weight(weight.float(), torch.int8)
        packed = {(ay, ax): _packed(coded.codes[ay, ax], coded.gain, 0) for ay in (0, 1) for ax in (0, 1)}
        return _Phases(packed, bias.float(), self._kernels)

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        assert codes is not None
        step = max(1, PIECE // (rows.shape[1] * rows.shape[2]))
        inverse = torch.full((rows.shape[2],), codes.inverse)
        if codes.lift is not None:
            inverse *= codes.lift
        base = torch.full_like(inverse, ROUNDING + codes.zero)
        for part, into in zip(rows.split(step), out.split(step), strict=True):
            values = part
            if affine is not None:
                values = torch.empty_like(part)
                self._kernels.norm_silu(part, *affine, values)
            whole = torch.addcmul(base, values, inverse).clamp_(ROUNDING - 128, ROUNDING + 127)
            into.view(torch.uint8).copy_(whole.view(torch.int32))  # the lowest byte


@dataclass(frozen=True)
class _Packed:
    """A 2-D kernel over slots side by side. zero: the unsigned code of 0.0; gain: (C_out,) float32."""

    weight: Tensor
    gain: Tensor
    zero: int

    def __call__(self, picture: Tensor, bias: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
        """(1, slots * C, h, w) unsigned codes -> (h', w', C_out) of dtype. scale: what a code of 1 is."""
        zeros = torch.zeros(len(self.gain), dtype=torch.int64)
        conv = torch.ops.onednn.qconv_pointwise
        source, kernel = (picture, scale, self.zero), (self.weight, self.gain, zeros, bias)
        shape, target = (ONE, PADDING, ONE, 1), (1.0, 0, dtype)
        return as_rows(conv(*source, *kernel, *shape, *target, "none", [], ""))


@dataclass(frozen=True)
class _Conv:
    packed: _Packed
    scale: float
    bias: Tensor
    kernels: Kernels

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, residual: Tensor | None) -> Moments:
        total = self.packed(_side_by_side(slots), self.bias, self.scale, out.dtype)
        if residual is None:
            out.copy_(total)
        else:
            torch.add(total, residual, out=out)
        return self.kernels.moments(out)


@dataclass(frozen=True)
class _Phases:
    """packed: by output phase (row, column); bias: (2, 2, 3, 3, C_out), see `reference.conv_phases`."""

    packed: dict[tuple[int, int], _Packed]
    bias: Tensor
    kernels: Kernels

    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, edges: Edges, scale: float) -> Moments:
        rows, columns = slots[0].shape[0] - 2, slots[0].shape[1]
        picture = _side_by_side(slots)
        for (ay, ax), packed in self.packed.items():
            bias = self.bias[ay, ax]
            inside = bias[1, 1].contiguous()
            total = packed(picture[:, :, ay : ay + rows + 1], inside, scale, out.dtype)
            place = out[ay::2, ax::2]
            place.copy_(total[:, ax : ax + columns])
            column = -1 if ax else 0
            place[:, column] += (bias[1, 2 * ax] - inside).to(out.dtype)
            if edges[ay]:
                row = place[-1 if ay else 0]
                row += (bias[2 * ay, 1] - inside).to(out.dtype)
                corner = bias[2 * ay, 2 * ax] - bias[2 * ay, 1] - bias[1, 2 * ax] + inside
                row[column] += corner.to(out.dtype)
        return self.kernels.moments(out)


def int8_problem(kernels: Kernels) -> str:
    """Try a conv against the same codes in float64: "" where it is right, else why it cannot be used."""
    draw = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(24, 16, 3, 3, 3, generator=draw), torch.randn(24, generator=draw)
    convs = OneDNNInt8(kernels)
    codes = convs.codes(Norm(torch.rand(16, generator=draw) + 0.5, torch.zeros(16), 1, 1e-6))
    assert codes is not None
    slots = tuple(new_slot(6, 9, 16, codes, torch.device("cpu")) for _ in range(3))
    out = torch.empty(6, 9, 24)
    try:
        for slot in slots:
            convs.fill(torch.randn(6, 9, 16, generator=draw), None, interior(slot), codes)
        convs.conv(weight, bias, 3, codes, torch.float32)(slots, out, None)
    except (RuntimeError, AttributeError, TypeError, NotImplementedError) as error:
        return f"this torch cannot ({str(error).splitlines()[0][:120]})"
    coded = quantise_weight(weight, torch.int8, codes.lift)
    wanted = conv3x3x3_coded(slots, codes, coded, bias)
    off = float((out - wanted).norm() / wanted.norm())
    return "" if off < 1e-5 else f"its sums are off by {off:.1%}"


def _packed(codes: Tensor, gain: Tensor, zero: int) -> _Packed:
    """codes: (C_out, C_in, slots, kh, kw) int8; zero: the signed code of 0.0."""
    wide = codes.permute(0, 2, 1, 3, 4).flatten(1, 2).contiguous()
    picture = [1, wide.shape[1], 64, 64]  # the blocking depends on channels, not on the picture
    prepack = torch.ops.onednn.qconv_prepack
    return _Packed(prepack(wide, gain, 1.0, zero + UP, ONE, PADDING, ONE, 1, picture), gain, zero + UP)


def _side_by_side(slots: tuple[Tensor, ...]) -> Tensor:
    """Slots (h, w, C) of signed codes -> (1, slots * C, h, w) of unsigned ones."""
    rows, columns, channels = slots[0].shape
    wide = torch.empty(rows, columns, len(slots) * channels, dtype=torch.uint8)
    for slot, place in zip(slots, wide.split(channels, dim=2), strict=True):
        torch.bitwise_xor(slot.view(torch.uint8), UP, out=place)
    return as_picture(wide)
