"""Weights in the order the conv kernel reads them: by phase, slot and tap, input channels innermost."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops.contracts import Form
from seedvr2_cli.ops.on_triton.tiles import Work, padded
from seedvr2_cli.ops.reference import merge_taps
from seedvr2_cli.ops.scales import Codes, quantise_weight


@dataclass(frozen=True)
class PackedConv:
    """A conv's weights on its device, made once.

    weight: (phases * slots * taps * taps * n_padded, k_padded), in the slots' type; bias: (n_padded,)
    float32, or (4, 9, n_padded) with 4 phases. taps: 3 or 2 in each direction. gain: (n_padded,) float32 in 8
    bits. tap_sums: (phases, 3, n_padded) int32 in int8: the weight's sums, in all and over the taps that lie
    left and right of a frame's first and last column. Channels are padded with zeros (tiles.padded).
    """

    weight: Tensor
    bias: Tensor
    c_in: int
    c_out: int
    slots: int
    taps: int
    phases: int
    gain: Tensor | None = None
    tap_sums: Tensor | None = None

    @property
    def work(self) -> Work:
        """What a tile is chosen for."""
        terms = self.slots * self.taps**2 * self.c_in
        return Work(self.weight.dtype, self.c_in, self.bias.shape[-1], terms)


def pack_conv3x3x3(weight: Tensor, bias: Tensor, slot_count: int, form: Form) -> PackedConv:
    """weight: (C_out, C_in, 3, 3, 3); bias: (C_out,); both float32. Taps are merged for slot_count below 3,
    and rounded after that.

    form: of the slots; of codes the type and lift count here, scale and zero at the call (conv.Epilogue).
    """
    if weight.dim() != 5 or weight.shape[2:] != (3, 3, 3) or bias.shape != weight.shape[:1]:
        raise ShapeError(f"weight {tuple(weight.shape)} and bias {tuple(bias.shape)} are no 3x3x3 conv")
    if slot_count not in (1, 2, 3):
        raise ShapeError(f"{slot_count} slots: a causal conv reads 1 to 3")
    return _packed(merge_taps(weight, slot_count).unsqueeze(0), bias, form)


def pack_phases(weight: Tensor, bias: Tensor, form: Form) -> PackedConv:
    """weight: (2, 2, C_out, C_in, slots, 2, 2), bias: (2, 2, 3, 3, C_out), as in reference; float32."""
    right = weight.dim() == 7 and weight.shape[:2] == (2, 2) and weight.shape[5:] == (2, 2)
    if not right or weight.shape[4] not in (1, 2, 3) or bias.shape != (2, 2, 3, 3, weight.shape[2]):
        raise ShapeError(f"weight {tuple(weight.shape)} and bias {tuple(bias.shape)} are no folded upsampler")
    return _packed(weight.flatten(0, 1), bias.reshape(4, 9, -1), form)


def _packed(weight: Tensor, bias: Tensor, form: Form) -> PackedConv:
    """weight: (phases, C_out, C_in, slots, taps, taps); bias: (..., C_out)."""
    phases, c_out, c_in, slots, taps = weight.shape[:5]
    constants = _padded_last(bias.float())
    if not isinstance(form, Codes):
        return PackedConv(_rows(weight.to(form)), constants, c_in, c_out, slots, taps, phases)
    coded = quantise_weight(weight, form.dtype, form.lift)
    return PackedConv(
        _rows(coded.codes),
        constants,
        c_in,
        c_out,
        slots,
        taps,
        phases,
        gain=_padded_last(coded.gain),
        tap_sums=_tap_sums(coded.codes) if form.dtype == torch.int8 else None,
    )


def _rows(weight: Tensor) -> Tensor:
    """(phases, C_out, C_in, slots, taps, taps) -> the packed weight."""
    by_tap = weight.permute(0, 3, 4, 5, 1, 2)
    c_out, c_in = by_tap.shape[-2:]
    depth = padded(c_in, weight.dtype)
    whole = F.pad(by_tap, (0, depth - c_in, 0, padded(c_out) - c_out))
    return whole.reshape(-1, depth).contiguous()


def _tap_sums(codes: Tensor) -> Tensor:
    """Phases 0 and 2 of four reach to the left only, 1 and 3 to the right."""
    by_column = codes.int().sum((2, 3, 4), dtype=torch.int32)  # (phases, C_out, taps)
    left, right = by_column[..., 0].clone(), by_column[..., -1].clone()
    if len(codes) == 4:
        left[1::2] = 0
        right[0::2] = 0
    whole = by_column.sum(-1, dtype=torch.int32)
    return _padded_last(torch.stack((whole, left, right), 1))


def _padded_last(constants: Tensor) -> Tensor:
    channels = constants.shape[-1]
    return F.pad(constants, (0, padded(channels) - channels)).contiguous()
