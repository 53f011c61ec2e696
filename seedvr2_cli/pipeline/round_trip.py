"""Pictures through the VAE and back, as a chain in which each stage pulls from the one before."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.frames import Clip, PixelType, to_pixels
from seedvr2_cli.pipeline.model import ClipModel
from seedvr2_cli.pipeline.options import TileOptions
from seedvr2_cli.pipeline.pieces import Pieces
from seedvr2_cli.plan.geometry import padded_size
from seedvr2_cli.plan.tiles import Tile, tile_count
from seedvr2_cli.vae.engine.plan import Plan
from seedvr2_cli.vae.posterior import Posterior

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Job:
    """A model, its tiles, the clock that its stages are counted on, and the way through the engine.

    alone: the clip is one picture, after which nothing need be remembered. device: where pictures are made
    ready for it.
    """

    vae: ClipModel
    tiles: TileOptions
    clock: StageClock
    plan: Plan | None = None
    alone: bool = False
    device: torch.device = CPU

    def encode(self, frames: Iterable[Tensor], length: int | None = None) -> Iterator[Posterior]:
        """Frames through the encoder. length: how many there are, where that is known."""
        return self.vae.encode_stream(frames, tile=self.tiles.encode, **self._how(length))

    def decode(self, latents: Iterable[Tensor], length: int | None = None) -> Iterator[Tensor]:
        """Latents through the decoder. length: as in `encode`."""
        return self.vae.decode_stream(latents, tile=self.tiles.decode, **self._how(length))

    def _how(self, length: int | None) -> dict[str, Any]:
        return {"way": self.plan.way if self.plan else None, "length": 1 if self.alone else length}


def round_trip(
    job: Job, pictures: Iterable[Pixels], size: tuple[int, int], dtype: PixelType, skip: int = 0
) -> Iterator[Pixels]:
    """Encode and decode pictures (H, W, 3); yields (n, H, W, 3) of the same number in the same order.

    size: (width, height). skip: so many latents are left out at the beginning, and four times as many
    pictures. Memory does not grow with the number of pictures.
    """
    config = job.vae.config
    clip = Clip(job.clock.over("read", pictures), config.temporal_factor, config.spatial_factor)
    latents = Pieces(mean.transpose(0, 2) for mean in encoded(job, clip)).skip(skip)
    written = skip * config.temporal_factor
    for frames in decoded(job, (z.transpose(0, 2) for z in latents.take(sys.maxsize)), size, dtype):
        # frames that stand for repeated pictures come last, and only once all pictures were read
        kept = frames[: clip.count - written]
        written += len(kept)
        yield kept


def encoded(job: Job, clip: Clip) -> Iterator[Tensor]:
    """The mean of every slice of latents, (1, C, t, h, w)."""
    for posterior in job.clock.over("encode", job.encode(clip.tensors())):
        job.clock.count("read", clip.count)
        job.clock.count("encode", clip.count)
        yield posterior.mean


def decoded(job: Job, latents: Iterable[Tensor], size: tuple[int, int], dtype: PixelType) -> Iterator[Pixels]:
    """The frames of every slice as pictures, (n, H, W, 3)."""
    done = 0
    for frames in job.clock.over("decode", job.decode(latents)):
        done += frames.shape[2]
        job.clock.count("decode", done)
        job.clock.count("convert", done)
        with job.clock.stage("convert"):
            pictures = to_pixels(frames, size, dtype)
        yield pictures


def describe_plan(job: Job, size: tuple[int, int], stages: Iterable[str]) -> dict[str, Any]:
    """How a picture of size (width, height) goes through, as the report shows it."""
    factor = job.vae.config.spatial_factor
    padded = [padded_size(side, factor) for side in size]
    plan: dict[str, Any] = {"padded": padded, "frames_per_latent": job.vae.config.temporal_factor}
    for stage in stages:
        tile = job.tiles.encode if stage == "encode" else job.tiles.decode
        if job.plan:
            plan |= {"way": job.plan.reason, "estimated_bytes": job.plan.bytes}
            plan["host_bytes"] = job.plan.host_bytes
        plan[stage] = _describe_tiles(tile, (padded[0] // factor, padded[1] // factor), factor)
    return plan


def _describe_tiles(tile: Tile | None, latent_size: tuple[int, int], factor: int) -> dict[str, Any]:
    count = tile_count(tile, latent_size, factor) if tile else 1
    if tile is None or count == 1:
        return {"tiling": "exact", "tiles": 1}
    return {"tiling": "overlap", "tiles": count} | asdict(tile)
