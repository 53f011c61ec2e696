"""The engine's operators in plain torch: the truth that every back end is compared with."""

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops.contracts import ChannelSums, Form
from seedvr2_cli.ops.scales import CodedWeight, Codes


def norm_silu(x: Tensor, scale: Tensor, shift: Tensor, form: Form) -> Tensor:
    """silu(x * scale + shift) in float32, rounded once to a type or to codes.

    x: raw map (h, W, C); scale, shift: (C,) float32, of this frame (spec/vae.md 1.8 e).
    """
    y = F.silu(x.float() * scale + shift)
    return form.encode(y) if isinstance(form, Codes) else y.to(form)


def frame_sums(x: Tensor) -> ChannelSums:
    """The sums of a raw map's rows."""
    pixels = x.float().flatten(0, 1)
    total = pixels.sum(0)
    return ChannelSums(len(pixels), total, (pixels - total / len(pixels)).square().sum(0))


def merge_taps(weight: Tensor, slot_count: int) -> Tensor:
    """A causal weight (C_out, C_in, 3, 3, 3) for a clip's first frames, whose history repeats the oldest one.

    slot_count 1 (frame 0) sums the three taps in time, 2 (frame 1) the first two, 3 changes nothing.
    """
    repeated = 4 - slot_count
    return torch.cat([weight[:, :, :repeated].sum(2, keepdim=True), weight[:, :, repeated:]], 2)


def conv3x3x3(
    slots: tuple[Tensor, ...], weight: Tensor, bias: Tensor, residual: Tensor | None = None
) -> Tensor:
    """One frame of a causal conv, in the slots' own type: (h, W, C_out).

    slots: oldest first, (h + 2, W, C_in) each; weight: (C_out, C_in, slots, 3, 3); residual: (h, W, C_out).
    """
    y = _conv(slots, weight) + bias.to(slots[0].dtype)
    return y if residual is None else y + residual


def conv3x3x3_coded(
    slots: tuple[Tensor, ...],
    codes: Codes,
    weight: CodedWeight,
    bias: Tensor,
    residual: Tensor | None = None,
) -> Tensor:
    """conv3x3x3 of codes: sum of products * gain + bias (+ residual), float32, for the caller to round.

    The sum is made in float64: in int8 it is exact, as the kernel's is; in e4m3 as good as that.
    """
    y = _conv(_steps(slots, codes), weight.codes).float() * (weight.gain * codes.scale) + bias
    return y if residual is None else y + residual.float()


def conv_phases(
    slots: tuple[Tensor, ...], weight: Tensor, bias: Tensor, edges: tuple[bool, bool] = (True, True)
) -> Tensor:
    """One frame of a folded upsampler: (2h, 2W, C_out). Source: spec/vae.md 1.8 c.

    slots: as in conv3x3x3, of the low-resolution map. weight: (2, 2, C_out, C_in, slots, 2, 2), by output
    phase (row, column); phase 0 reads the low-resolution rows y - 1 and y, phase 1 y and y + 1; columns
    alike. bias: (2, 2, 3, 3, C_out), by phase and by the output pixel's place: (top, inside, bottom) x (left,
    inside, right). edges: whether the rows begin at the frame's top, and end at its bottom.
    """
    return interleaved(_phases(slots, weight), bias, edges)


def conv_phases_coded(
    slots: tuple[Tensor, ...],
    codes: Codes,
    weight: CodedWeight,
    bias: Tensor,
    edges: tuple[bool, bool] = (True, True),
) -> Tensor:
    """conv_phases of codes, as conv3x3x3_coded."""
    sums = _phases(_steps(slots, codes), weight.codes)
    return interleaved(tuple(s.float() * (weight.gain * codes.scale) for s in sums), bias, edges)


def _steps(slots: tuple[Tensor, ...], codes: Codes) -> tuple[Tensor, ...]:
    """Codes as numbers that are 0 for 0.0."""
    return tuple(slot.double() - codes.zero for slot in slots)


def _phases(slots: tuple[Tensor, ...], weight: Tensor) -> tuple[Tensor, ...]:
    """Each phase's conv at its own places: (h, W, C_out), for (row, column) 00, 01, 10 and 11."""
    rows, columns = slots[0].shape[0] - 2, slots[0].shape[1]
    return tuple(
        _conv(slots, weight[ay, ax])[ay : ay + rows, ax : ax + columns] for ay in (0, 1) for ax in (0, 1)
    )


def interleaved(phases: tuple[Tensor, ...], bias: Tensor, edges: tuple[bool, bool]) -> Tensor:
    """(2h, 2W, C_out): the phases with their constants, each in its places."""
    rows, columns, channels = phases[0].shape
    out = phases[0].new_empty(2 * rows, 2 * columns, channels)
    down = _places(2 * rows, *edges)
    across = _places(2 * columns, True, True)
    for index, phase in enumerate(phases):
        ay, ax = divmod(index, 2)
        constants = bias[ay, ax][down[ay::2]][:, across[ax::2]]
        out[ay::2, ax::2] = phase + constants.to(phase.dtype)
    return out


def _conv(slots: tuple[Tensor, ...], weight: Tensor) -> Tensor:
    """Every place that the kernel fits in rows, and in columns with one zero column on each side."""
    frames = torch.stack(slots).permute(3, 0, 1, 2).unsqueeze(0)
    return F.conv3d(frames, weight.to(frames.dtype), padding=(0, 0, 1))[0, :, 0].permute(1, 2, 0)


def _places(size: int, at_start: bool, at_end: bool) -> Tensor:
    """0, 1 or 2 for each index: first, inside, last."""
    places = torch.ones(size, dtype=torch.long)
    places[0] -= int(at_start)
    places[-1] += int(at_end)
    return places
