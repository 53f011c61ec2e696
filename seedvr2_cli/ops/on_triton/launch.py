"""A kernel with all its arguments as a value: run on a device, or compiled for one that is not there."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from subprocess import SubprocessError
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.base.errors import DeviceError


@dataclass(frozen=True)
class Call:
    """kernel: a jit function; programs: how many run; arguments: all of the kernel's, by name."""

    kernel: Any
    programs: int
    arguments: dict[str, Any]
    warps: int
    stages: int

    @property
    def options(self) -> dict[str, Any]:
        """What the compiler is told; fusion is named, as its default turns round in Triton 3.10."""
        return {"num_warps": self.warps, "num_stages": self.stages, "enable_fp_fusion": False}


def run(call: Call, device: torch.device) -> None:
    """Start the call on the device's current stream; under TRITON_INTERPRET on CPU tensors, and wait.

    Raises DeviceError where Triton cannot compile or start it.
    """
    with _translated(), _current(device):
        call.kernel[(call.programs,)](**call.arguments, **call.options)


def emitted(call: Call, device: torch.device) -> str | None:
    """The PTX that `run` starts, compiled as for its launch, which then finds it made; None in the
    interpreter."""
    if device.type == "cpu":
        return None
    with _translated(), _current(device):
        return call.kernel.warmup(grid=(call.programs,), **call.arguments, **call.options).asm["ptx"]


def capability_of(tensor: Tensor) -> tuple[int, int] | None:
    """Of the tensor's device; None for one that only the interpreter runs on."""
    return torch.cuda.get_device_capability(tensor.device) if tensor.device.type == "cuda" else None


def interpreted(tensor: Tensor) -> bool:
    """Whether a kernel on this tensor is interpreted, which rounds otherwise (kernels.rounding)."""
    return tensor.device.type == "cpu"


def blocks(size: int, block: int) -> int:
    """How many blocks cover size."""
    return -(-size // block)


@contextmanager
def _translated() -> Iterator[None]:
    """Triton's own errors, and those of the C compiler that it builds its launcher with, in one line."""
    from triton.errors import TritonError

    try:
        yield
    except (TritonError, SubprocessError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DeviceError(f"Triton cannot make a kernel: {first}") from error


def _current(device: torch.device) -> AbstractContextManager[object]:
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
