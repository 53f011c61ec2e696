"""The prompt's embedding: in the weight file, beside it, or the published one, in this order."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.dit.config import DiTConfig, Variant
from seedvr2_cli.dit.load import load_dit
from tests.dit.conftest import write_recipe

CONFIG = DiTConfig(Variant.B3, 48, 2, 24, 2, 1, 5120)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "model.safetensors", CONFIG, 1)


def test_the_published_one_travels_with_the_package(model: Path) -> None:
    text = load_dit(model).own_text()
    assert (text.shape, text.dtype) == ((58, 5120), torch.float32)
    digest = "92ff754e036702f20f1782b0f5327c3d120aac6370ddc2ef0cdfdb06988f70ab"
    assert hashlib.sha256(text.bfloat16().view(torch.uint8).numpy().tobytes()).hexdigest() == digest


@pytest.mark.parametrize("name", ["pos_emb.pt", "pos_emb.safetensors"])
def test_a_file_beside_goes_before_it(model: Path, name: str) -> None:
    text = torch.full((3, 5120), 0.5, dtype=torch.bfloat16)
    path = model.with_name(name)
    if path.suffix == ".pt":
        torch.save(text, path)
    else:
        save_file({"positive_conditioning": text}, path)
    assert torch.equal(load_dit(model).own_text(), text.float())


def test_one_of_another_width_beside_belongs_to_another_model(model: Path) -> None:
    torch.save(torch.zeros(3, 40), model.with_name("pos_emb.pt"))
    assert len(load_dit(model).own_text()) == 58


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_the_weight_files_own_goes_before_all(model: Path, prefix: str) -> None:
    torch.save(torch.zeros(3, 5120), model.with_name("pos_emb.pt"))
    tensors = {f"model.diffusion_model.{name}": tensor for name, tensor in load_file(model).items()}
    tensors |= {f"{prefix}{name}_conditioning": torch.ones(4, 5120) for name in ("positive", "negative")}
    save_file(tensors, model)
    assert torch.equal(load_dit(model).own_text(), torch.ones(4, 5120))


def test_a_damaged_one_is_refused(model: Path) -> None:
    path = model.with_name("pos_emb.pt")
    torch.save({"text": torch.zeros(3, 5120)}, path)
    with pytest.raises(WeightsError) as error:
        load_dit(model)
    assert str(error.value) == f"{path}: holds no single tensor; download it again"
