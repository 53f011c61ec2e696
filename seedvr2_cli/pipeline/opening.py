"""Whatever a path names becomes a source for `decode`."""

from pathlib import Path

from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.pipeline.latents import is_latent_file, open_latents
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.sources import LatentSource, MediaSource, Source
from seedvr2_cli.pipeline.upscaling.latent_source import FilmSource


def open_source(path: Path, ffmpeg: FFmpeg, options: InputOptions | None = None) -> Source:
    """Look at a file's content. Raises MediaError, or WeightsError for a latent file that is damaged."""
    if not is_latent_file(path):
        return MediaSource(path, ffmpeg, options)
    latents = open_latents(path)
    return FilmSource(latents, latents.info.film, ffmpeg) if latents.info.film else LatentSource(latents)
