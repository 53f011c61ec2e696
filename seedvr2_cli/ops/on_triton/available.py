"""Whether the Triton operators can run on a device: yes or no, and the reason in one line."""

from functools import cache
from importlib import metadata

import torch

from seedvr2_cli.ops.scales import E4M3

DISTRIBUTIONS = ("triton", "triton-windows", "pytorch-triton")  # they all import as triton
MIN_TRITON = (3, 6)  # not tried below, where others saw 3.5.1 miscompile larger tiles (spec/perf.md 1.3)
MIN_CAPABILITY = (8, 0)  # below, a 16-bit dot becomes scalar code (spec/perf.md 1.2)
FP8_CAPABILITY = (8, 9)  # below, Triton does not compile e4m3; int8 it does from 8.0 on
TMA_CAPABILITY = (9, 0)
TMA_TRITON = (3, 7)  # 3.6 stores to the stack at each descriptor load on 12.0


def available(capability: tuple[int, int] | None) -> tuple[bool, str]:
    """capability: of a CUDA device, None for any other. Does not start the device."""
    if capability is None:
        return False, "not a CUDA device"
    if capability < MIN_CAPABILITY:
        return False, f"compute capability {capability[0]}.{capability[1]}; the kernels need 8.0"
    version = triton_version()
    if version is None:
        return False, "Triton is not installed; pip install 'seedvr2[cuda]'"
    if version < MIN_TRITON:
        needed = f"{MIN_TRITON[0]}.{MIN_TRITON[1]}"
        return False, f"Triton {version[0]}.{version[1]} is older than {needed}, which comes with torch 2.10"
    return True, f"Triton {version[0]}.{version[1]}"


def available_8bit(capability: tuple[int, int] | None, dtype: torch.dtype) -> tuple[bool, str]:
    """The same for convs in float8_e4m3fn or int8. Which instruction they become is read after compiling
    (conv.conv_instruction)."""
    if dtype == E4M3 and capability is not None and capability < FP8_CAPABILITY:
        return False, f"compute capability {capability[0]}.{capability[1]}; FP8 needs 8.9"
    return available(capability)


def has_scaled_dot(capability: tuple[int, int]) -> bool:
    """Whether a block-scaled product compiles to the instruction of 12.x; elsewhere it becomes a bfloat16
    one. 12.1 has it from Triton 3.8 on."""
    return capability == (12, 0) or (capability > (12, 0) and (triton_version() or (0, 0)) >= (3, 8))


def has_descriptors(capability: tuple[int, int]) -> bool:
    """Whether tiles are read by tensor descriptors (TMA) there; Triton is installed."""
    return capability >= TMA_CAPABILITY and (triton_version() or (0, 0)) >= TMA_TRITON


@cache  # asked at every launch, and reads a file
def triton_version() -> tuple[int, int] | None:
    """(major, minor) of the installed Triton, which is not imported for it; None where there is none."""
    for distribution in DISTRIBUTIONS:
        try:
            major, minor = metadata.version(distribution).split(".")[:2]
        except metadata.PackageNotFoundError:
            continue
        return int(major), int(minor)
    return None
