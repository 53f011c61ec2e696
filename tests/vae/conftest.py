"""Recipe weights in the network, and the published numbers they must give."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network, weight_dtype
from seedvr2_cli.vae.vae import VideoVAE
from seedvr2_cli.weights.recipe import recipe_tensors

TINY = {"latent_channels": 4, "block_out_channels": [8, 16, 24, 24], "norm_num_groups": 4}


@dataclass(frozen=True)
class Fixture:
    """One file of published outputs. tensors: x, mean, logvar, y (see the fixtures' README)."""

    tensors: Mapping[str, torch.Tensor]
    metadata: Mapping[str, str]

    @property
    def config(self) -> dict[str, Any]:
        return json.loads(self.metadata["config"])

    def vae(self) -> VideoVAE:
        mul = json.loads(self.metadata.get("mul") or "{}")
        return recipe_vae(self.config, int(self.metadata["seed"]), mul)


def read_fixture(path: Path) -> Fixture:
    with safe_open(path, "pt") as file:
        return Fixture({name: file.get_tensor(name) for name in file.keys()}, file.metadata())  # noqa: SIM118


def recipe_vae(
    config: Mapping[str, Any],
    seed: int,
    mul: Mapping[str, float] | None = None,
    dtype: torch.dtype = torch.float32,
) -> VideoVAE:
    """A VAE with recipe weights, in memory."""
    return VideoVAE(
        VAEConfig.from_mapping(config),
        recipe_network(config, seed, mul, dtype),
        device=torch.device("cpu"),
        dtype=dtype,
    )


def recipe_network(
    config: Mapping[str, Any],
    seed: int,
    mul: Mapping[str, float] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Network:
    """The plain network with recipe weights."""
    network = Network.on_meta(VAEConfig.from_mapping(config))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    weights = {
        name: torch.from_numpy(array).to(weight_dtype(name, dtype))
        for name, array in recipe_tensors(shapes, seed, mul)
    }
    network.load_state_dict(weights, assign=True)
    return network.requires_grad_(False)


def assert_equal(got: torch.Tensor, expected: torch.Tensor) -> None:
    """The fixtures' form: max |difference| <= 3e-5 * max(1, max |expected|)."""
    assert got.shape == expected.shape
    assert got.dtype == torch.float32
    worst = float((got - expected).abs().max())
    assert worst <= 3e-5 * max(1.0, float(expected.abs().max()))


def snr(got: torch.Tensor, expected: torch.Tensor) -> float:
    """Signal to noise in dB, infinite where nothing differs."""
    noise = float((got - expected).double().square().sum())
    if not noise:
        return math.inf
    return 10 * torch.log10(torch.tensor(float(expected.double().square().sum()) / noise)).item()


@pytest.fixture(scope="session")
def tiny_vae() -> VideoVAE:
    """The fixtures' config `tiny` with seed 1, float32."""
    return recipe_vae(TINY, 1)


@pytest.fixture
def lines() -> "Lines":
    """A reporter that keeps what it is told."""
    return Lines()


class Lines:
    """Keeps the text of every line."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def emit(self, event: Any) -> None:
        if hasattr(event, "text"):
            self.said.append(f"[{event.part}] {event.text}")


Noise = Callable[..., torch.Tensor]


@pytest.fixture(scope="session")
def noise() -> Noise:
    """Random frames or latents of a shape, the same every time."""

    def make(*shape: int, seed: int = 0) -> torch.Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).clamp(-1, 1)

    return make
