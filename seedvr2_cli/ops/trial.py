"""Whole convs of a back end held against plain ones on the device: right, and faster, or not taken."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.base.errors import DeviceError
from seedvr2_cli.ops.contracts import interior, new_slot
from seedvr2_cli.ops.kernels import Kernels, PlainKernels
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.probe import seconds
from seedvr2_cli.ops.scales import Codes
from seedvr2_cli.ops.slot_convs import SlotConvs
from seedvr2_cli.ops.verdicts import verdicts_of

SHAPE = (128, 272, 480)  # channels, rows, columns: a sixteenth of a 1080p frame
# channels, rows, columns for values: more than a tile of a GPU in each, and all of the promoted sums of 9.0
VALUES = {"cuda": (256, 20, 136)}
SMALL = (32, 12, 20)  # where convs are emulated or interpreted
ROUNDS = 5
SLACK = 0.01  # of the largest value: a 16-bit result's rounding is 0.004, a wrong kernel's 1


class Rates(Protocol):
    """How many times as fast as plain convs a back end's are."""

    def __call__(self, convs: SlotConvs, dtype: torch.dtype, plain: Kernels) -> float: ...


@dataclass(frozen=True)
class Trial:
    """ok: take it. reason: why not; gain: how many times as fast as the plain convs, once the values were
    right."""

    ok: bool
    reason: str = ""
    gain: float = 0.0


def kept_gain(convs: SlotConvs, dtype: torch.dtype, plain: Kernels) -> float:
    """`gain_of`, or what it found on this device with these versions before."""
    codes = convs.raw_codes(1.0)
    held = str(codes.dtype if codes else dtype).removeprefix("torch.")
    question = f"{convs.name} conv of {held} to {str(dtype).removeprefix('torch.')}"
    return verdicts_of(plain.device).recall(question, lambda: gain_of(convs, dtype, plain))


def gain_of(convs: SlotConvs, dtype: torch.dtype, plain: Kernels) -> float:
    """The best of a few convs of each, in turns, at full size."""
    device = plain.device
    summed, whole = summed_job(plain, SHAPE, dtype), whole_job(convs, SHAPE, dtype, device)
    times = [(seconds(summed, device), seconds(whole, device)) for _ in range(ROUNDS + 1)][1:]
    return min(a for a, _ in times) / min(b for _, b in times)


def whole_job(
    convs: SlotConvs, shape: tuple[int, int, int], dtype: torch.dtype, device: torch.device
) -> Callable[[], None]:
    """One frame of a causal conv by convs. shape: (channels, rows, columns); dtype: of the maps."""
    rows, weight, bias = _drawn(shape, dtype, device)
    codes = convs.codes(_norm(shape[0], device))
    conv = convs.conv(weight, bias, 3, codes, dtype)
    slots = tuple(_slot(convs, rows, codes, dtype) for _ in range(3))
    out = torch.empty_like(rows)
    return lambda: _drop(conv(slots, out, None))


def summed_job(plain: Kernels, shape: tuple[int, int, int], dtype: torch.dtype) -> Callable[[], None]:
    """The same by three 2-D convs, and the moments that a back end's own convs bring."""
    rows, weight, bias = _drawn(shape, dtype, plain.device)
    frames = [F.pad(rows, (0, 0, 0, 0, 1, 1)) for _ in range(3)]
    taps = [plain.pack(tap, dtype, columns=1) for tap in weight.unbind(2)]

    def job() -> None:
        total = plain.conv(frames[0], taps[0], bias)
        for frame, tap in zip(frames[1:], taps[1:], strict=True):
            plain.add_conv(total, frame, tap)
        plain.moments(total)

    return job


def try_convs(
    convs: SlotConvs, truth: SlotConvs, dtype: torch.dtype, device: torch.device, rates: Rates = kept_gain
) -> Trial:
    """Hold convs against truth, which computes the same thing in plain torch, then time them.

    dtype: of the maps.
    """
    try:
        errors = [_error(convs, truth, dtype, device, slots) for slots in (1, 2, 3)]
        worst = _largest(errors)
        if not worst <= SLACK:
            return Trial(False, f"its values are off by {worst:.0%}")
        gain = rates(convs, dtype, PlainKernels(device))
    except (DeviceError, RuntimeError, AttributeError, TypeError, ValueError, OSError) as error:
        said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return Trial(False, f"it fails: {said}")
    if gain < 1:
        return Trial(False, f"it is {gain:.2f} times as fast as the plain convs", gain)
    return Trial(True, gain=gain)


def _error(convs: SlotConvs, truth: SlotConvs, dtype: torch.dtype, device: torch.device, slots: int) -> float:
    """The largest difference of a conv and of an upsampler, as a part of the largest value."""
    channels, rows, columns = VALUES.get(device.type, SMALL)
    draw = torch.Generator().manual_seed(slots)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw).to(device)

    weight, bias = random(channels, channels, 3, 3, 3) * 0.05, random(channels)
    phases, phase_bias = random(2, 2, channels, channels, slots, 2, 2) * 0.1, random(2, 2, 3, 3, channels)
    maps = [random(rows, columns, channels).to(dtype) for _ in range(slots)]
    residual = random(rows, columns, channels).to(dtype)
    affine = (random(channels), random(channels))
    results = []
    for back_end in (convs, truth):
        codes = back_end.codes(_norm(channels, device))
        held = tuple(_slot(back_end, x, codes, dtype, affine) for x in maps)
        out = torch.empty(rows, columns, channels, dtype=dtype, device=device)
        moments = back_end.conv(weight, bias, slots, codes, dtype)(held, out, residual)
        raw = tuple(_slot(back_end, x, back_end.raw_codes(1.0), dtype) for x in maps)
        large = torch.empty(2 * rows, 2 * columns, channels, dtype=dtype, device=device)
        back_end.phases(phases, phase_bias, dtype)(raw, large, (True, True), 1.0)
        results.append((out.float(), large.float(), moments.mean, moments.m2))
    return _largest([float((a - b).abs().max() / b.abs().max()) for a, b in zip(*results, strict=True)])


def _largest(errors: list[float]) -> float:
    """NaN where there is one, which is no error to `max`."""
    return float(torch.tensor(errors).max())


def _norm(channels: int, device: torch.device) -> Norm:
    return Norm(torch.ones(channels, device=device), torch.zeros(channels, device=device), 1, 1e-6)


def _slot(
    convs: SlotConvs,
    rows: Tensor,
    codes: Codes | None,
    dtype: torch.dtype,
    affine: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Rows of a map in a slot of their own."""
    height, width, channels = rows.shape
    slot = new_slot(height, width, channels, codes or dtype, rows.device)
    convs.fill(rows, affine, interior(slot), codes)
    return slot


def _drawn(
    shape: tuple[int, int, int], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """A map, a weight and a bias."""
    channels, rows, columns = shape
    draw = torch.Generator().manual_seed(0)
    weight = (torch.randn(channels, channels, 3, 3, 3, generator=draw) * 0.02).to(device)
    values = torch.randn(rows, columns, channels, generator=draw).to(device, dtype)
    return values, weight, torch.zeros(channels, device=device)


def _drop(moments: Moments) -> None:
    """Nobody asks for them."""
