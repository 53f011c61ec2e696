"""Loading: what a file is, what it must hold, and what is said where it is something else."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seedvr2_cli.base.errors import SeedVR2Error, ShapeError, WeightsError
from seedvr2_cli.dit.config import DiTConfig, Variant, read_config
from seedvr2_cli.dit.load import load_dit
from seedvr2_cli.dit.tensors import expected_tensors
from seedvr2_cli.weights.open import open_weights
from tests.dit.conftest import write_recipe

SMALL = {
    "3b": DiTConfig(Variant.B3, 48, 2, 24, 3, 1, 20),
    "7b": DiTConfig(Variant.B7, 48, 2, 24, 2, 2, 20),
}
COUNTS = {"3b": (635 - 32, 3_391_476_448 - 32 * 21), "7b": (1128 - 36, 8_239_608_232 - 36 * 10)}
FULL = {"3b": DiTConfig(), "7b": DiTConfig(Variant.B7, 3072, 24, 128, 36, 36, 5120)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "model.safetensors", SMALL["3b"], 1)


def test_a_model_of_another_width_needs_a_text_of_its_own(model: Path) -> None:
    dit = load_dit(model)
    with pytest.raises(WeightsError) as error:
        dit.own_text()
    what = "brings no text, and the published one is not 20 wide; put its pos_emb.safetensors beside it"
    assert str(error.value) == f"{model}: {what}"


@pytest.mark.parametrize("variant", ["3b", "7b"])
def test_the_published_models_have_as_many_tensors_and_values(variant: str) -> None:
    """All but the rotation's constants, which are never read."""
    shapes = expected_tensors(FULL[variant])
    count = sum(torch.Size(shape).numel() for shape in shapes.values())
    assert (len(shapes), count) == COUNTS[variant]


@pytest.mark.parametrize("config", [*SMALL.values(), DiTConfig(Variant.B3, 48, 3, 32, 2, 2, 20)])
def test_the_tensors_tell_the_config(tmp_path: Path, config: DiTConfig) -> None:
    with open_weights(write_recipe(tmp_path / "model.safetensors", config, 1)) as source:
        assert read_config(source) == config


def broken(model: Path, change: str) -> Path:
    tensors = load_file(model)
    match change:
        case "missing":
            del tensors["blocks.1.mlp.all.proj_in.weight"]
        case "shape":
            tensors["blocks.2.attn.proj_out.all.bias"] = torch.zeros(47)
        case "unexpected":
            tensors["blocks.0.attn.proj_qkv.extra"] = torch.zeros(3)
        case "no heads":
            tensors["blocks.0.attn.norm_q.vid.weight"] = torch.zeros(2, 12)
        case "another task":
            tensors["vid_in.proj.weight"] = torch.zeros(48, 64)
        case "not finite":
            tensors["blocks.1.attn.proj_out.all.weight"][3, 4] = torch.nan
    save_file(tensors, model)
    return model


CASES = {
    "missing": "tensor blocks.1.mlp.all.proj_in.weight is missing (1 of 71 are); "
    "this is no whole SeedVR2 transformer file, download it again",
    "shape": "tensor blocks.2.attn.proj_out.all.bias: stored as (47,), expected (48,) (1 of 71 differ); "
    "give one in its published layout",
    "unexpected": "tensor blocks.0.attn.proj_qkv.extra is not expected (1 of 72 are not); "
    "give one in its published layout",
    "no heads": "tensor blocks.0.attn.norm_q.vid.weight is stored as (2, 12); "
    "give a SeedVR2 transformer in its published layout",
    "another task": "takes 64 values a token, a restoring transformer 132; give a SeedVR2 file",
}


@pytest.mark.parametrize("change", CASES)
def test_a_file_that_does_not_fit_is_refused_in_one_line(model: Path, change: str) -> None:
    path = broken(model, change)
    with pytest.raises(WeightsError) as error:
        load_dit(path)
    assert str(error.value) == f"{path}: {CASES[change]}"


def test_a_vae_is_no_transformer(tmp_path: Path) -> None:
    vae = tmp_path / "vae.safetensors"
    save_file({"encoder.conv_in.weight": torch.zeros(8, 3, 3, 3, 3)}, vae)
    with pytest.raises(WeightsError) as error:
        load_dit(vae)
    assert str(error.value) == (
        f"{vae}: holds a SeedVR2 video VAE, not a SeedVR2 transformer; give the file of the transformer"
    )


def test_a_config_that_differs_from_the_tensors_is_an_error(model: Path) -> None:
    with pytest.raises(WeightsError) as error:
        load_dit(model, SMALL["3b"].to_mapping() | {"heads": 3})
    assert str(error.value) == f"{model}: heads is 2 in its tensors, 3 in the config; leave the config out"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"variant": "5b"}, "config: variant is 5b, 3b or 7b expected; mend the config"),
        ({"heads": 2.5}, "config: heads is 2.5, a whole number expected; mend the config"),
        ({"heads": None}, "config: heads is missing; give all seven values"),
        ({"head_dim": 22}, "config: head_dim is 22, a width whose third is even expected; mend the config"),
        ({"mm_layers": 9}, "config: mm_layers is 9, 0 to 3 expected; mend the config"),
    ],
)
def test_a_config_is_checked(values: dict[str, object], expected: str) -> None:
    with pytest.raises(WeightsError) as error:
        DiTConfig.from_mapping(SMALL["3b"].to_mapping() | values)
    assert str(error.value) == expected


def test_a_weight_that_is_not_finite_is_named_when_it_shows(model: Path) -> None:
    dit = load_dit(broken(model, "not finite"))
    with pytest.raises(WeightsError) as error:
        dit(torch.zeros(1, 4, 4, 33), torch.zeros(2, 20), 1000.0)
    what = "tensor blocks.1.attn.proj_out.all.weight: 1 of 2,304 values are not finite; download it again"
    assert str(error.value) == f"{model}: {what}"


@pytest.mark.parametrize("shape", [(1, 4, 3, 33), (4, 4, 33), (1, 4, 4, 32), (0, 4, 4, 33)])
def test_an_input_of_another_shape_is_refused(model: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as error:
        load_dit(model)(torch.zeros(shape), torch.zeros(2, 20), 1000.0)
    assert str(error.value) == f"x: x of shape {shape}, (T, H, W, 33) with even H and W expected"


def test_text_of_another_width_is_refused(model: Path) -> None:
    with pytest.raises(SeedVR2Error) as error:
        load_dit(model).condition(torch.zeros(2, 21), 1000.0)
    assert str(error.value) == "text: text of shape (2, 21), (L, 20) expected"
