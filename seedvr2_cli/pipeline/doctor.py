"""`doctor`: what this machine has, what works on it, and what would fail."""

import platform
from dataclasses import asdict
from importlib import metadata
from typing import Any

import torch

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import SeedVR2Error
from seedvr2_cli.base.units import say_bytes, say_number
from seedvr2_cli.hub.cache import cache_folder, is_writable
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.ops.fp8 import answer_fp8
from seedvr2_cli.ops.gate import NO_CUDA
from seedvr2_cli.ops.probe import choose_dtype, hidden_nvidia_card, probe_device, torch_facts
from seedvr2_cli.ops.select import choose_kernels
from seedvr2_cli.ops.verdicts import Verdicts, verdicts_of
from seedvr2_cli.pipeline.report import RunReport

ENCODERS = ("libx264", "ffv1", "png", "mjpeg", "libwebp")
LIBRARIES = ("numpy", "gguf", "safetensors", "typer", "rich", "imageio-ffmpeg", "av", "huggingface_hub")

Check = dict[str, Any]


def doctor(device_name: str) -> RunReport:
    """Look at everything a command needs. Each check has name, ok and text; ok is false where one would
    fail."""
    device, checks = _device_checks(device_name)
    checks = [_check("seedvr2", f"{__version__}, Python {platform.python_version()}"), *checks]
    checks += _ffmpeg_checks()
    folder = cache_folder()
    checks.append(_check("Hub cache", str(folder) if is_writable(folder) else f"{folder} cannot be written"))
    checks.append(_check("libraries", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)))
    return RunReport(
        command="doctor",
        input={},
        settings={"device": device_name},
        device=asdict(device) if device else {},
        plan={},
        facts={"checks": checks},
    )


def _device_checks(name: str) -> tuple[Device | None, list[Check]]:
    facts = torch_facts()
    checks = [_check("torch", ", ".join(f"{key} {value}" for key, value in facts.items()))]
    if hidden_nvidia_card():
        checks.append(_check("CUDA", NO_CUDA))
    try:
        device = probe_device(name)
        dtype, why = choose_dtype(device, Dtype.AUTO)
    except SeedVR2Error as error:
        return None, [*checks, _check("device", str(error), ok=False)]
    capability = f", compute capability {'.'.join(map(str, device.capability))}" if device.capability else ""
    free = f", {say_bytes(device.free_bytes)} free" if device.free_bytes else ""
    checks.append(_check("device", f"{device.torch_name}: {device.name}{capability}{free}"))
    rates = ", ".join(f"{kind} ({rate:.2g})" for kind, rate in device.rates)
    checks.append(_check("types that work", f"{rates}; in brackets the speed of a small conv, fastest = 1"))
    checks.append(_check("--dtype auto", f"{str(dtype).removeprefix('torch.')}: {why}"))
    checks.append(_check("kernels", choose_kernels(torch.device(device.torch_name), dtype).line))
    gate = answer_fp8(device, dtype, force=False)
    checks.append(_check("--fp8", f"{gate.state}: {gate.reason}") | {"gate": gate.facts()})
    checks.append(_check("probes kept", _say_verdicts(verdicts_of(torch.device(device.torch_name)))))
    return device, checks


def _say_verdicts(verdicts: Verdicts) -> str:
    kept = [f"{question}: {say_number(answer)} times as fast" for question, answer in verdicts.kept().items()]
    if not kept:
        return f"none yet, in {verdicts.path.parent}" if verdicts.path else "none: there is no place for them"
    return f"{'; '.join(kept)}; remove {verdicts.path} to measure again"


def _ffmpeg_checks() -> list[Check]:
    try:
        ffmpeg = describe(find_ffmpeg())
    except SeedVR2Error as error:
        return [_check("ffmpeg", str(error), ok=False)]
    return [
        _check("ffmpeg", f"{ffmpeg.version}, {ffmpeg.path}"),
        _encoder_check(ffmpeg),
        _check(
            "color conversion",
            "zscale"
            if "zscale" in ffmpeg.filters
            else "swscale: off by up to 1 level; this ffmpeg has no zscale",
        ),
    ]


def _encoder_check(ffmpeg: FFmpeg) -> Check:
    missing = [name for name in ENCODERS if name not in ffmpeg.encoders]
    if "libx264" in missing:
        return _check("encoders", "libx264 is missing: set SEEDVR2_FFMPEG to a full build", ok=False)
    return _check("encoders", f"{', '.join(ENCODERS)}{'; missing: ' + ', '.join(missing) if missing else ''}")


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "missing"


def _check(name: str, text: str, *, ok: bool = True) -> Check:
    return {"name": name, "ok": ok, "text": text}
