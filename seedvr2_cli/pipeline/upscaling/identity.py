"""What makes one run of `upscale` another than the next: all that changes a pixel before it is encoded."""

from typing import Any

from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.pipeline.keeping.identity import machine_facts, source_facts, weights_sha256
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
        "int8_cache": options.memory.codes_memory,
    }
    facts = models.restorer.facts()
    weights = {"vae": models.vae.path, "dit": models.restorer.path}
    dtypes = {"vae": models.vae.arithmetic, "dit": facts.get("dtype")}
    return {
        "source": source_facts(source),
        "settings": settings,
        "weights": {part: weights_sha256(path) for part, path in weights.items()},
    } | machine_facts(models.vae.device, dtypes, ffmpeg)
