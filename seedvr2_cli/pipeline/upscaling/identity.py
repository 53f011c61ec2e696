"""What makes one run of `upscale` another than the next: all that changes a pixel before it is encoded."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seedvr2_cli._version import __version__
from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.ops.probe import torch_facts
from seedvr2_cli.pipeline.fingerprint import fingerprint
from seedvr2_cli.pipeline.options import UpscaleOptions, as_settings
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscaling.models import Models
from seedvr2_cli.plan.shots import shots_of
from seedvr2_cli.plan.windows import TimePlan
from seedvr2_cli.shots.cuts_file import read_cuts
from seedvr2_cli.vae.engine.way import Way


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
        "weights": {"vae": _sha256(models.vae.path), "dit": _sha256(models.restorer.path)},
        "device": {"kind": device.kind, "name": device.name},
        "dtype": {"vae": models.vae.dtype, "dit": facts.get("dtype")},
        "versions": {"seedvr2": __version__, "torch": torch_facts()["torch"], "ffmpeg": ffmpeg.version},
    }


def plan_note(times: TimePlan, way: Way | None) -> dict[str, Any]:
    """The plan of a run, whose choices depend on the memory that was free."""
    return {
        "shots": [shot.first for shot in times.shots],
        "frames": times.shots[-1].stop,
        "limit": times.limit,
        "share": times.share,
        "way": None if way is None else asdict(way) | {"cache_folder": None},
    }


def noted_times(note: dict[str, Any]) -> TimePlan:
    """The windows of a note."""
    return TimePlan(shots_of(note["shots"][1:], note["frames"]), note["limit"], note["share"])


def noted_way(note: dict[str, Any], cache_folder: Path | None) -> Way | None:
    """The VAE's way of a note; where files hold its memory is chosen anew."""
    if note.get("way") is None:
        return None
    return Way(**note["way"] | {"cache_folder": cache_folder})


def _sha256(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot be read any more ({error.strerror})", where=path) from error
