"""Cases of the transformer: models made by the recipe, or files, and what they give."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from seedvr2_cli.dit.config import DiTConfig
from seedvr2_cli.dit.tensors import expected_tensors
from seedvr2_cli.weights.recipe import recipe_dit_tensor, recipe_noise


@dataclass(frozen=True)
class Case:
    """A fixture: what is in its metadata and its tensors."""

    meta: dict[str, str]
    tensors: dict[str, Tensor]

    @property
    def config(self) -> DiTConfig:
        return DiTConfig.from_mapping(
            {
                k: v if k == "variant" else int(v)
                for k, v in self.meta.items()
                if k in DiTConfig.__annotations__
            }
        )

    def __getitem__(self, key: str) -> Any:
        """A value of the metadata, read as JSON where it is."""
        try:
            return json.loads(self.meta[key])
        except ValueError:
            return self.meta[key]


def read_case(path: Path) -> Case:
    with safe_open(path, "pt") as file:
        return Case(file.metadata(), load_file(path))


def write_recipe(path: Path, config: DiTConfig, seed: int, dtype: torch.dtype = torch.float32) -> Path:
    """A file with the recipe's weights."""
    tensors = {
        name: torch.from_numpy(recipe_dit_tensor(name, shape, seed)).to(dtype)
        for name, shape in expected_tensors(config).items()
    }
    save_file(tensors, path)
    return path


def noise(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    """The recipe's plain noise, for inputs."""
    return torch.from_numpy(np.asarray(recipe_noise(name, shape, seed)))


@pytest.fixture(scope="session")
def dit_data(data: Path) -> Path:
    return data / "dit"
