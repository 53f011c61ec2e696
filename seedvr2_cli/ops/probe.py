"""Torch to Device: which device, and in which types the layers of the VAE really work on it."""

import os
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import DeviceError, UsageError

PROBED = (torch.float32, torch.bfloat16, torch.float16)
NVIDIA = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidia0"))
SLACK = 0.05  # of the largest value: bf16 is off by 0.01 here, a wrong kernel by 1
GAIN = 1.2  # how much faster than float32 a 16-bit type must be on a CPU to be worth its rounding


def probe_device(wanted: str) -> Device:
    """The device called `auto`, `cpu`, `mps`, `cuda` or `cuda:N`, and the types that work there, fastest
    first.

    Raises UsageError for a word that is none of these, DeviceError for a device that this torch does not see.
    """
    device = _torch_device(wanted)
    taken = {dtype: _probe(device, dtype) for dtype in PROBED}
    working = sorted((s, str(d).removeprefix("torch.")) for d, s in taken.items() if s is not None)
    total, free = memory_of(device)
    return Device(
        kind=device.type,
        index=device.index or 0,
        name=name_of(device),
        capability=torch.cuda.get_device_capability(device) if device.type == "cuda" else None,
        dtypes=tuple(name for _, name in working),
        total_bytes=total,
        free_bytes=free,
        rates=tuple((name, round(working[0][0] / s, 3)) for s, name in working),
    )


def parse_dtype(dtype: str | torch.dtype) -> Dtype:
    """The type that a caller names. Raises UsageError for another word."""
    name = str(dtype).removeprefix("torch.")
    try:
        return Dtype(name)
    except ValueError:
        raise UsageError(f"{name!r} is no type", where="dtype", do=f"take {', '.join(Dtype)}") from None


def choose_dtype(device: Device, wanted: Dtype) -> tuple[torch.dtype, str]:
    """The type to compute in, and why. Raises DeviceError for one that gave wrong values in the probe."""
    if wanted is not Dtype.AUTO:
        if wanted.value not in device.dtypes:
            working = ", ".join(device.dtypes) or "none"
            raise DeviceError(
                f"{wanted} does not work on {device.name}", where="--dtype", do=f"take {working}"
            )
        return getattr(torch, wanted.value), "as asked"
    if not device.dtypes:
        raise DeviceError(
            f"no type gives right values on {device.name}", do="try --device cpu, and run doctor"
        )
    rates = dict(device.rates)
    if device.kind == "cuda":  # measured closest to float32 there, by others (field/seedvr2x.md)
        order = ("float16", "bfloat16", "float32")
        name = next(n for n in order if n in rates)
        return getattr(torch, name), "the 16-bit type closest to float32"
    half = "bfloat16" if device.kind == "cpu" else "float16"
    if half in rates and ("float32" not in rates or rates[half] >= GAIN * rates["float32"]):
        gain = f"{rates[half] / rates['float32']:.1f} times float32" if "float32" in rates else "the only one"
        return getattr(torch, half), f"{gain} in a probe"
    return torch.float32, f"{half} is not faster in a probe"


def torch_facts() -> dict[str, str]:
    """Versions and switches that decide what torch can do: for doctor and reports."""
    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None
    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "none: this torch has no CUDA",
        "cudnn": str(cudnn) if cudnn else "none",
        "threads": str(torch.get_num_threads()),
    }


def hidden_nvidia_card() -> bool:
    """Whether an NVIDIA card is here, and this torch was built without CUDA."""
    if torch.version.cuda is not None:
        return False
    return any(path.exists() for path in NVIDIA) or shutil.which("nvidia-smi") is not None


def _torch_device(wanted: str) -> torch.device:
    kind, _, index = wanted.partition(":")
    if kind not in ("auto", "cpu", "mps", "cuda") or (index and not (kind == "cuda" and index.isdecimal())):
        raise UsageError(
            f"{wanted!r} is no device", where="--device", do="take auto, cpu, cuda, cuda:N or mps"
        )
    has_mps = torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    if kind == "mps" and not has_mps:
        raise DeviceError("this torch sees no MPS device", where="--device mps", do="take --device cpu")
    if kind != "cuda":
        return torch.device(kind)
    if torch.version.cuda is None and torch.version.hip is None:
        raise DeviceError(
            "this torch has no CUDA",
            where=f"--device {wanted}",
            do="install a CUDA build of torch, or take cpu",
        )
    count = torch.cuda.device_count()
    number = int(index or 0)
    if number >= count:
        raise DeviceError(f"torch sees {count} CUDA devices", where=f"--device {wanted}", do="see doctor")
    return torch.device("cuda", number)


def _probe(device: torch.device, dtype: torch.dtype) -> float | None:
    """Seconds of a small causal conv, norm and attention in dtype; None where they fail or are wrong."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 32, 4, 24, 24, generator=generator).contiguous(memory_format=torch.channels_last_3d)
    weight = torch.randn(32, 32, 3, 3, 3, generator=generator) * 0.03
    expected = _layers(x, weight)
    x, weight = x.to(device, dtype), weight.to(device, dtype)
    try:
        with torch.no_grad():
            got = _layers(x, weight).float().cpu()
            best = min(seconds(lambda: F.conv3d(x, weight, padding=(0, 1, 1)), device) for _ in range(3))
    except (RuntimeError, NotImplementedError, TypeError):
        return None
    error = (got - expected).abs().max() / expected.abs().max()
    return best if bool(error < SLACK) else None


def _layers(x: Tensor, weight: Tensor) -> Tensor:
    h = F.conv3d(x, weight, padding=(0, 1, 1))
    frames = F.silu(F.group_norm(h.transpose(1, 2).flatten(0, 1), 8))
    tokens = frames.flatten(2).transpose(1, 2).unsqueeze(1)
    return F.scaled_dot_product_attention(tokens, tokens, tokens)


def settle(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall seconds of a job, the device's part included."""
    settle(device)
    start = time.perf_counter()
    work()
    settle(device)
    return time.perf_counter() - start


def name_of(device: torch.device) -> str:
    """The product's name, as far as the system tells it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return _cpu_model() or platform.processor() or platform.machine() or "CPU"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _meminfo() -> tuple[int, int] | None:
    """Linux: what is there, and what could be had, pages of files counted that can be dropped."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        table = {
            name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)
        }
        return table["MemTotal"], table["MemAvailable"]
    except (OSError, ValueError, KeyError, IndexError):
        return None


def memory_of(device: torch.device) -> tuple[int | None, int | None]:
    """Bytes of a device's memory (the machine's for a CPU): all, and free; None where the system does not
    tell."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return total, free
    found = _meminfo()
    if found:
        return found
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        return os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None, None
