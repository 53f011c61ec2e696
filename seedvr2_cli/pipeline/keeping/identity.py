"""What makes one run another than the next: all that changes its result before it is encoded."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedvr2_cli._version import __version__
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.ops.probe import torch_facts
from seedvr2_cli.pipeline.fingerprint import fingerprint, sampled_sha256
from seedvr2_cli.pipeline.sources import LatentSource, Source


def machine_facts(device: Device, dtypes: Mapping[str, Any], ffmpeg: FFmpeg | None) -> dict[str, Any]:
    """What computes it. dtypes: by the model's part; ffmpeg: None for a run without pictures."""
    versions = {"seedvr2": __version__, "torch": torch_facts()["torch"]}
    return {
        "device": {"kind": device.kind, "name": device.name},
        "dtype": dict(dtypes),
        "versions": versions | ({"ffmpeg": ffmpeg.version} if ffmpeg else {}),
    }


def source_facts(source: Source) -> dict[str, Any]:
    """The content of what is read, whatever its name. Raises MediaError and WeightsError."""
    if isinstance(source, LatentSource):
        media = source.media
        origin = {} if media is None else {"origin": fingerprint(media)["sha256"]}
        return {"latents": file_sha256(source.path)} | origin
    assert source.media is not None
    return fingerprint(source.media) | {"name": None}


def file_sha256(path: Path) -> str:
    """The SHA-256 of all of a latent file. Raises WeightsError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot be read any more ({error.strerror})", where=path) from error


def weights_sha256(path: Path | None) -> str | None:
    """What a weight file is known by; None for a model without one. Raises WeightsError."""
    if path is None:
        return None
    try:
        return sampled_sha256(path)
    except OSError as error:
        raise WeightsError(f"cannot be read any more ({error.strerror})", where=path) from error
