"""Small weights on disk, a model that changes nothing, and what a finished file holds."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from seedvr2_cli.base.events import Event, Line
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.model import Model
from seedvr2_cli.pipeline.options import ModelOptions
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.posterior import Posterior
from seedvr2_cli.vae.reach import Reach

TINY = VAEConfig(latent_channels=4, block_out_channels=(8, 16, 24, 24), norm_num_groups=4)


class Lines:
    """Keeps every event; `said` is the text of the lines."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    @property
    def said(self) -> list[str]:
        return [f"[{e.part}] {e.text}" for e in self.events if isinstance(e, Line)]


class Unchanged:
    """A model whose latents are the frames themselves, so that all but the VAE can be checked."""

    config = VAEConfig()
    reach = Reach(1, 1)

    def encode_stream(self, frames: Iterable[torch.Tensor], **how: Any) -> Iterator[Posterior]:
        return (Posterior(x, x) for x in frames)

    def drop_encoder(self) -> None:
        """There is none."""

    def decode_stream(self, latents: Iterable[torch.Tensor], **how: Any) -> Iterator[torch.Tensor]:
        return iter(latents)


def unchanged(options: ModelOptions, reporter: Any) -> Model:
    return Model(Unchanged(), probe_device("cpu"), "float32", None)


@pytest.fixture(scope="session")
def ffmpeg() -> FFmpeg:
    return describe(find_ffmpeg())


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """A GGUF of the config `tiny` with recipe weights, which carries its config."""
    path = tmp_path_factory.mktemp("weights") / "tiny.gguf"
    write_recipe(path, TINY, "F16", seed=1)
    return path


@pytest.fixture(scope="session")
def full_weights(tmp_path_factory) -> Path:
    """A GGUF of the published size with recipe weights (478 MiB)."""
    path = tmp_path_factory.mktemp("weights") / "ema_vae_fp16.gguf"
    write_recipe(path, VAEConfig(), "F16", seed=1)
    return path


@pytest.fixture
def lines() -> Lines:
    return Lines()


def frames_of(path: Path, ffmpeg: FFmpeg) -> np.ndarray:
    """All frames of a file, (n, H, W, 3)."""
    with FrameReader(probe(path, ffmpeg), ffmpeg) as reader:
        return np.stack([frame.pixels for frame in reader])


def sound_of(path: Path) -> list[bytes]:
    """The packets of the first sound, as they lie in the file."""
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(file.streams.audio[0]) if packet.size]


def cut(ffmpeg: FFmpeg, source: Path, target: Path, frames: int) -> Path:
    """The first frames of a clip, with its sound copied; the frames are encoded again, in order."""
    video = ["-c:v", "libx264", "-crf", "10", "-bf", "0", "-frames:v", str(frames)]
    arguments = ["-i", source, "-map", "0", "-c:a", "copy", *video, target]
    subprocess.run([ffmpeg.path, "-v", "error", *arguments], check=True, stdin=subprocess.DEVNULL)
    return target
