"""Which back end runs the layers: the fastest one that gives the reference's values on this machine."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels, PlainKernels
from seedvr2_cli.ops.on_cpu.onednn import OneDNN
from seedvr2_cli.ops.on_triton.available import available
from seedvr2_cli.ops.on_triton.whole import TritonConvs
from seedvr2_cli.ops.reference_convs import ReferenceConvs
from seedvr2_cli.ops.slot_convs import SlotConvs
from seedvr2_cli.ops.trial import try_convs

TOLERANCE = 2.0  # times the error of plain torch in the same type; with float32's own rounding as the floor
FLOOR = 1e-5
PIECE = 1 << 21  # values of a strip that suit a CPU's caches and allocator (bench vae, Xeon with AMX)


@dataclass(frozen=True)
class Choice:
    """The answer of a check. kernels: what to take; whole: what takes causal convs whole, None: they are sums
    of 2-D convs; line: the finding, for people."""

    kernels: Kernels
    line: str
    whole: SlotConvs | None = None


def choose_kernels(device: torch.device, dtype: torch.dtype) -> Choice:
    """Hold each back end for this device against plain torch in float32, one operator of each kind."""
    plain = PlainKernels(device)
    if device.type == "cuda":
        return _choose_on_cuda(plain, dtype, torch.cuda.get_device_capability(device))
    if device.type != "cpu":
        return Choice(plain, f"plain torch in {_say(dtype)}")
    fast = OneDNN()
    try:
        worst = check(fast, dtype)
    except (RuntimeError, AttributeError, TypeError) as error:  # torch promises none of these operators
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Choice(plain, f"plain torch in {_say(dtype)}: this torch's oneDNN fails ({reason})")
    if worst > TOLERANCE:
        return Choice(
            plain, f"plain torch in {_say(dtype)}: oneDNN is off by {worst:.1f} times torch's error"
        )
    return Choice(fast, f"oneDNN in {_say(dtype)}, checked: {worst:.2f} times the error of plain torch")


def _choose_on_cuda(plain: Kernels, dtype: torch.dtype, capability: tuple[int, int]) -> Choice:
    """Triton's convs in 16 bits where they are right and faster than cuDNN's, else plain torch."""
    name = f"plain torch in {_say(dtype)}"
    if dtype == torch.float32:
        return Choice(plain, name)
    able, why = available(capability)
    if not able:
        return Choice(plain, f"{name}: {why}")
    convs = TritonConvs(plain.device)
    trial = try_convs(convs, ReferenceConvs(), dtype, plain.device)
    if not trial.ok:
        return Choice(plain, f"{name}: of Triton's convs {trial.reason}")
    faster = f"{trial.gain:.2g} times as fast as plain torch in a probe"
    return Choice(plain, f"{why} convs in {_say(dtype)}, checked, {faster}", convs)


def strip_elements(device: torch.device) -> int | None:
    """Values in a strip of one layer: what suits a CPU's caches; None, whole frames, elsewhere."""
    return PIECE if device.type == "cpu" else None


def check(kernels: Kernels, dtype: torch.dtype) -> float:
    """The worst error of an operator, in units of plain torch's in the same type, against float32."""
    exact = _operators(PlainKernels(kernels.device), torch.float32, _inputs(kernels.device))
    plain = _operators(PlainKernels(kernels.device), dtype, _inputs(kernels.device))
    ours = _operators(kernels, dtype, _inputs(kernels.device))
    return max(
        _error(got, truth) / max(_error(same, truth), FLOOR)
        for got, same, truth in zip(ours, plain, exact, strict=True)
    )


def _inputs(device: torch.device) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((12, 20, 32), (48, 32, 3, 3), (48,), (32, 32, 2, 2), (32,), (32,))
    return tuple(torch.randn(shape, generator=generator).to(device) for shape in shapes)


def _operators(kernels: Kernels, dtype: torch.dtype, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Every operator once, as the layers use them: a 3x3, a strided and a 2x2 conv, sums, norm, moments."""
    rows, weight, bias, small, scale, shift = inputs
    rows = rows.to(dtype)
    wide = kernels.conv(rows, kernels.pack(weight, dtype, columns=1), bias)
    strided = kernels.conv(rows[:, :19], kernels.pack(weight, dtype, stride=2), bias)
    phase = kernels.pack(small, dtype, columns=1)
    total = kernels.conv(rows, phase)
    kernels.add_conv(total, rows, phase)
    normed = torch.empty_like(rows)
    kernels.norm_silu(rows, scale, shift, normed)
    moments = kernels.moments(rows)
    return [wide, strided, total, normed, moments.mean, moments.m2]


def _error(got: Tensor, truth: Tensor) -> float:
    return float((got.float() - truth.float()).norm() / truth.float().norm())


def _say(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
