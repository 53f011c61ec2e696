"""The transformer gives the published classes' numbers: every fixture, at its stated tolerance."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from seedvr2_cli.dit.load import load_dit
from seedvr2_cli.dit.model import DiT
from seedvr2_cli.dit.step import one_step
from tests.dit.conftest import Case, noise, read_case, write_recipe

TOLERANCE = 2e-5  # fixtures/dit/README.md

HERE = [
    "3b_tiny_image",
    "3b_tiny_windows",
    "3b_tiny_odd",
    "3b_tiny_long",
    "3b_tiny_t437",
    "3b_tiny_separate",
    "7b_tiny_image",
    "7b_tiny_windows",
    "7b_tiny_odd",
    "7b_tiny_long",
    "7b_tiny_t437",
    "7b_tiny_narrow",
    "3b_fp16",
    "3b_fp8_e4m3fn",
    "3b_fp8_scaled",
    "7b_fp8_mixed",
]
SHARED = [
    "3b_tiny_video",
    "7b_tiny_video",
    "3b_gguf_mixed",
    "7b_gguf_q8_0",
    "3b_full_3layers",
    "7b_full_2layers",
]


def run(folder: Path, name: str, tmp: Path) -> tuple[Case, Tensor]:
    case = read_case(folder / f"{name}.safetensors")
    dit = model(case, folder, tmp)
    x, text = inputs(case, dit)
    return case, dit(x, text, float(case["timestep"]))


def model(case: Case, folder: Path, tmp: Path) -> DiT:
    stored = case.meta["weights"]
    path = folder / stored
    if stored == "recipe":
        path = write_recipe(tmp / "model.safetensors", case.config, case["seed"])
    return load_dit(path, case.config.to_mapping())


def inputs(case: Case, dit: DiT) -> tuple[Tensor, Tensor]:
    if case.meta["inputs"] == "stored":
        return case.tensors["x"], case.tensors["text"]
    x = noise(case["seed"], "input.x", (*case["size"], 33))
    x[..., 32] = 1
    if case.meta["text"] == "recipe":
        return x, noise(case["seed"], "input.text", (case["text_len"], dit.config.txt_in_dim))
    return x, dit.own_text()  # the published one, or what the weight file brings


def check(case: Case, out: Tensor) -> None:
    rows, columns = case["out_stride"]
    off = (out[:, ::rows, ::columns] - case.tensors["out"]).abs().max()
    assert off <= TOLERANCE, f"off by {off:.2e}"


@pytest.mark.parametrize("name", HERE)
def test_a_velocity_is_the_published_one(dit_data: Path, tmp_path: Path, name: str) -> None:
    check(*run(dit_data, name, tmp_path))


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED)
def test_a_velocity_of_the_large_cases_is_the_published_one(shared: Path, tmp_path: Path, name: str) -> None:
    check(*run(shared / "fixtures" / "dit", name, tmp_path))


@pytest.mark.parametrize("name", ["one_step_3b", "one_step_7b"])
def test_one_step_gives_the_published_latent(dit_data: Path, tmp_path: Path, name: str) -> None:
    case = read_case(dit_data / f"{name}.safetensors")
    dit = model(case, dit_data, tmp_path)
    out = one_step(dit, case.tensors["noise"], case.tensors["latent"], case.tensors["text"])
    assert (out - case.tensors["latent_out"]).abs().max() <= TOLERANCE


@pytest.mark.shared
def test_one_step_over_a_noised_condition_gives_the_published_latent(shared: Path, tmp_path: Path) -> None:
    folder = shared / "fixtures" / "dit"
    case = read_case(folder / "one_step_noise.safetensors")
    dit = model(case, folder, tmp_path)
    out = one_step(dit, case.tensors["noise"], case.tensors["condition"], case.tensors["text"])
    assert (out - case.tensors["latent_out"]).abs().max() <= TOLERANCE


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 30.0), (torch.float16, 48.0)])
@pytest.mark.parametrize("name", ["3b_tiny_windows", "7b_tiny_windows"])
def test_16_bits_stay_close_to_float32(
    dit_data: Path, tmp_path: Path, name: str, dtype: torch.dtype, least: float
) -> None:
    case = read_case(dit_data / f"{name}.safetensors")
    path = write_recipe(tmp_path / "model.safetensors", case.config, case["seed"])
    dit = load_dit(path, dtype=dtype)
    rows, columns = case["out_stride"]
    exact = case.tensors["out"]
    error = dit(*inputs(case, dit), float(case["timestep"]))[:, ::rows, ::columns] - exact
    assert 20 * torch.log10(exact.norm() / error.norm()) >= least
