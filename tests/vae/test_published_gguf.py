"""The published GGUF forms, quantised and flattened in every way, give the values of gguf's own weights."""

import json

import pytest
import torch

from seedvr2_cli import load_vae
from seedvr2_cli.weights.open import open_weights
from tests.vae.conftest import assert_equal, read_fixture

HERE = ["gg_flat_q4_0", "gg_origshape_mixed"]
ELSEWHERE = ["gg_native5d_f16", "gg_origshape_q8_0"]


@pytest.mark.parametrize("name", HERE)
def test_a_gguf_with_its_config_inside(data, name):
    check(load_vae(data / f"weights/{name}.gguf"), data, name)


@pytest.mark.parametrize("name", HERE)
def test_the_same_with_the_config_from_outside(data, name):
    with open_weights(data / f"weights/{name}.gguf") as source:
        config = json.loads(source.metadata["seedvr2.vae.config"])
    check(load_vae(data / f"weights/{name}.gguf", config), data, name)


@pytest.mark.shared
@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_larger_files_too(shared, data, name):
    check(load_vae(shared / f"fixtures/vae/{name}.gguf"), data, name)


def check(vae, data, name):
    expected = read_fixture(data / "vae/gg_expected.safetensors").tensors
    posterior = vae.encode(expected["x"])
    assert_equal(posterior.mean, expected[f"{name}.mean"])
    assert_equal(posterior.logvar, expected[f"{name}.logvar"])
    assert_equal(vae.decode(expected["z"]), expected[f"{name}.y"])


def test_quantised_weights_are_as_good_in_bfloat16_as_that_type_allows(data):
    vae = load_vae(data / "weights/gg_flat_q4_0.gguf", dtype="bfloat16")
    expected = read_fixture(data / "vae/gg_expected.safetensors").tensors
    error = vae.decode(expected["z"]) - expected["gg_flat_q4_0.y"]
    assert 10 * torch.log10(expected["gg_flat_q4_0.y"].square().sum() / error.square().sum()) > 28
