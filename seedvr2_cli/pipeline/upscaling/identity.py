"""What makes one run of `upscale` another than the next: all that changes a pixel before it is encoded."""

from pathlib import Path
from typing import Any

from seedvr2_cli._version import __version__
from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.ops.gate import Fp8, Gate
from seedvr2_cli.ops.probe import torch_facts
from seedvr2_cli.pipeline.fingerprint import fingerprint, sampled_sha256
from seedvr2_cli.pipeline.options import UpscaleOptions, as_settings
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscaling.models import Models
from seedvr2_cli.shots.cuts_file import read_cuts


def identity(
    options: UpscaleOptions, source: MediaSource, models: Models, depth: int, ffmpeg: FFmpeg
) -> dict[str, Any]:
    """As a manifest holds it. depth: bits of the frames. What only encodes them, and how much memory may be
    taken, is left out. Raises MediaError and WeightsError."""
    cuts = options.time.cuts
    time = as_settings(options.time) | {"cuts": None if cuts is None else list(read_cuts(cuts))}
    transformer = as_settings(options.transformer)
    settings = {
        "target": as_settings(options.target),
        "pad": str(options.pad),
        "color": as_settings(options.color),
        "time": time,
        "transformer": {key: transformer[key] for key in ("seed", "steps", "int8")},
        "tiles": as_settings(options.tiles),
        "reading": as_settings(options.reading),
        "depth": depth,
    }
    device, facts = models.vae.device, models.restorer.facts()
    return {
        "source": fingerprint(source.info) | {"name": None},
        "settings": settings,
        "weights": {"vae": _weights(models.vae.path), "dit": _weights(models.restorer.path)},
        "device": {"kind": device.kind, "name": device.name},
        "dtype": {"vae": models.vae.dtype, "dit": facts.get("dtype")},
        "fp8": _fp8(options, models.vae.gate),
        "versions": {"seedvr2": __version__, "torch": torch_facts()["torch"], "ffmpeg": ffmpeg.version},
    }


def _fp8(options: UpscaleOptions, gate: Gate | None) -> dict[str, Any] | None:
    """How the VAE's convs compute in FP8, None where they do not."""
    if gate is None or gate.state is Fp8.OFF:
        return None
    return {"state": str(gate.state)} | as_settings(options.model.eight)


def _weights(path: Path | None) -> str | None:
    """What a weight file is known by."""
    if path is None:
        return None
    try:
        return sampled_sha256(path)
    except OSError as error:
        raise WeightsError(f"cannot be read any more ({error.strerror})", where=path) from error
