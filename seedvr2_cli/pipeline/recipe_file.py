"""A weight file of random recipe weights: real names and shapes, for tests, benches and the demo."""

import json
from pathlib import Path

import torch

from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network
from seedvr2_cli.weights.assign import expected_shapes
from seedvr2_cli.weights.identify import CONFIG_KEY
from seedvr2_cli.weights.recipe import recipe_tensor
from seedvr2_cli.weights.write import TensorPlan, quant_for, write_gguf


def write_recipe(path: Path, config: VAEConfig, quant: str, *, seed: int) -> None:
    """Write a GGUF that carries its config, one tensor in memory. Raises OutputError."""
    shapes = expected_shapes(Network.on_meta(config))
    plan = [TensorPlan(name, shape, quant_for(shape, quant)) for name, shape in shapes.items()]

    def read(name: str) -> torch.Tensor:
        return torch.from_numpy(recipe_tensor(name, shapes[name], seed))

    write_gguf(path, plan, read, {CONFIG_KEY: json.dumps(config.to_mapping())})
