"""Models that change nothing or little, so that all round them can be checked; and tiny random ones."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seedvr2_cli.dit.config import DiTConfig, Variant
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.model import Model
from seedvr2_cli.pipeline.options import ModelOptions, TransformerOptions, UpscaleOptions
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.pipeline.upscaling.models import Models
from seedvr2_cli.pipeline.upscaling.transformer import Settled
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.posterior import Posterior
from seedvr2_cli.vae.reach import Reach
from tests.dit.conftest import write_recipe as write_dit

TINY_VAE = VAEConfig(block_out_channels=(8, 16, 24, 24), norm_num_groups=4)
TINY_DIT = DiTConfig(
    variant=Variant.B3, vid_dim=64, heads=2, head_dim=48, num_layers=4, mm_layers=2, txt_in_dim=5120
)


class Folded:
    """A VAE that moves pixels into channels and back: a latent holds its 4 frames of 8x8 pixels, exactly.

    It counts what it was asked for, and checks that a clip is as long as it was said to be.
    """

    config = replace(VAEConfig(), latent_channels=4 * 8 * 8 * 3, scaling_factor=1.0)
    reach = Reach(2, 2)  # it looks nowhere, but the first latent of a clip is another

    def __init__(self) -> None:
        self.shots: list[int] = []
        self.decoded = 0

    def encode_stream(
        self, frames: Iterable[Tensor], *, length: int | None, **how: Any
    ) -> Iterator[Posterior]:
        held: list[Tensor] = []
        count = 0
        for x in frames:
            count += 1
            held.append(x)
            if count == 1:
                held *= 4
            if len(held) == 4:
                mean = _to_channels(torch.cat(held, 2))
                held = []
                yield Posterior(mean, mean)
        assert not held
        assert length is None or count == length
        self.shots.append(count)

    def drop_encoder(self) -> None:
        """There is none."""

    def decode_stream(self, latents: Iterable[Tensor], *, length: int | None, **how: Any) -> Iterator[Tensor]:
        count = 0
        for z in latents:
            for latent in z.split(1, 2):
                frames = _to_frames(latent)
                self.decoded += 1
                yield frames if count else frames[:, :, :1]
                count += 1
        assert length is None or count == length


class Nothing:
    """A transformer that gives its condition back, and keeps what it was asked."""

    parts = 2
    path = None

    def __init__(self, bytes_per_latent: int = 1) -> None:
        self.noises: list[Tensor] = []
        self._each = bytes_per_latent

    def restore(self, noise: Tensor, condition: Tensor, tell: Any) -> Tensor:
        self.noises.append(noise)
        for _ in range(self.parts):
            tell()
        return condition

    def window_bytes(self, shape: tuple[int, int, int]) -> int:
        return shape[0] * self._each

    def settle(self, room: int | None, passes: int, reporter: Any) -> Settled:
        return Settled()

    def facts(self) -> dict[str, Any]:
        return {}


class Loader:
    """Gives the models that change nothing; they can be asked afterwards."""

    def __init__(self, bytes_per_latent: int = 1) -> None:
        self.vae, self.transformer = Folded(), Nothing(bytes_per_latent)
        self.loaded = 0

    def __call__(self, model: ModelOptions, transformer: TransformerOptions, reporter: Any) -> Models:
        self.loaded += 1
        return Models(Model(self.vae, probe_device("cpu"), "float32", None), self.transformer)


def _to_channels(frames: Tensor) -> Tensor:
    """(1, 3, 4, 8h, 8w) -> (1, C, 1, h, w)."""
    _, c, t, height, width = frames.shape
    x = frames.reshape(c, t, height // 8, 8, width // 8, 8).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(1, c * t * 64, 1, height // 8, width // 8)


def _to_frames(latent: Tensor) -> Tensor:
    _, _, _, h, w = latent.shape
    x = latent.reshape(3, 4, 8, 8, h, w).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(1, 3, 4, 8 * h, 8 * w)


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture(scope="session")
def tiny_vae(tmp_path_factory) -> Path:
    """A VAE of 16 latent channels with recipe weights."""
    path = tmp_path_factory.mktemp("weights") / "tiny16.gguf"
    write_recipe(path, TINY_VAE, "F16", seed=1)
    return path


@pytest.fixture(scope="session")
def tiny_dit(tmp_path_factory) -> Path:
    """A 3B in small with recipe weights; the published text fits it."""
    return write_dit(tmp_path_factory.mktemp("weights") / "tiny_dit.safetensors", TINY_DIT, seed=11)


@pytest.fixture
def tiny(tiny_vae, tiny_dit):
    """The options of a job with the tiny models."""

    def options(source: Path, output: Path, **more: Any) -> UpscaleOptions:
        transformer = replace(more.pop("transformer", TransformerOptions()), dit=tiny_dit)
        model = ModelOptions(vae=tiny_vae, device="cpu")
        return UpscaleOptions(
            input=source, output=output, model=model, transformer=transformer, overwrite=True, **more
        )

    return options
