"""A file and a config become a model, and the loader says what it measured."""

import json
import re

import pytest
import torch

from seedvr2_cli import VAEConfig, load_vae
from seedvr2_cli.base.errors import UsageError, WeightsError
from seedvr2_cli.vae.network import Network
from seedvr2_cli.weights.recipe import recipe_tensors
from seedvr2_cli.weights.write import TensorPlan, quant_for, write_gguf, write_safetensors
from tests.vae.conftest import TINY, assert_equal, recipe_vae

CONFIG = VAEConfig.from_mapping(TINY)
SHAPES = {name: tuple(t.shape) for name, t in Network.on_meta(CONFIG).state_dict().items()}


def write(path, *, quant="F32", metadata=None, write=write_gguf):
    weights = dict(recipe_tensors(SHAPES, 1))
    plan = [TensorPlan(name, shape, quant_for(shape, quant)) for name, shape in SHAPES.items()]
    write(path, plan, lambda name: torch.from_numpy(weights[name]), metadata or {})
    return path


@pytest.fixture(scope="module")
def plain_file(tmp_path_factory):
    """A tiny GGUF without a config of its own."""
    return write(tmp_path_factory.mktemp("vae") / "tiny.gguf")


@pytest.fixture(scope="module")
def own_config_file(tmp_path_factory):
    metadata = {"seedvr2.vae.config": json.dumps(CONFIG.to_mapping())}
    return write(tmp_path_factory.mktemp("vae") / "tiny.gguf", metadata=metadata)


@pytest.mark.parametrize("form", ["mapping", "file", "folder"])
def test_a_config_is_taken_as_it_is_given(plain_file, tmp_path, noise, form):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY))
    vae = load_vae(plain_file, {"mapping": TINY, "file": path, "folder": str(tmp_path)}[form])
    z = noise(1, 4, 2, 3, 4)
    assert_equal(vae.decode(z), recipe_vae(TINY, 1).decode(z))


def test_without_one_the_files_own_is_taken(own_config_file, noise, lines):
    vae = load_vae(own_config_file, reporter=lines)
    z = noise(1, 4, 2, 3, 4)
    assert_equal(vae.decode(z), recipe_vae(TINY, 1).decode(z))
    assert "[VAE Loader] Config: the file's own (seedvr2.vae.config)" in lines.said


@pytest.mark.parametrize("writer", [write_gguf, write_safetensors])
def test_the_loader_says_what_it_found(tmp_path, lines, writer):
    metadata = {"seedvr2.vae.config": json.dumps(CONFIG.to_mapping())}
    quant = "F16" if writer is write_gguf else "F32"
    path = write(tmp_path / "vae.gguf", quant=quant, metadata=metadata, write=writer)
    load_vae(path, dtype="float16", reporter=lines)
    form = "GGUF" if writer is write_gguf else "safetensors"
    assert lines.said[0] == f"[VAE Loader] Loading {form} VAE: vae.gguf"
    misnamed = "[VAE Loader] The content is safetensors, whatever the name says"
    assert (misnamed in lines.said) == (writer is write_safetensors)
    assert f"[VAE Loader] Path: {path}" in lines.said
    assert any(
        re.fullmatch(r"\[VAE Loader\] Device: cpu \(.*\), float16 \(as asked\)", s) for s in lines.said
    )
    size = {"F16": "1.17 MiB", "F32": "2.32 MiB"}[quant]
    loaded = rf"\[VAE Loader\] Loaded 250 tensors \(0.6 M parameters, {quant}, {size}\) in [\d.]+ s"
    assert re.fullmatch(loaded, lines.said[-1])


def test_a_config_that_contradicts_the_tensors_names_the_first(plain_file):
    with pytest.raises(WeightsError) as caught:
        load_vae(plain_file, TINY | {"block_out_channels": [8, 16, 24, 32]})
    assert str(caught.value) == (
        f"{plain_file}: tensor encoder.down_blocks.3.resnets.0.conv1.weight: stored as (24, 24, 3, 3, 3), "
        "expected (32, 24, 3, 3, 3) (102 of 254 differ); give the right --config"
    )


def test_the_built_in_config_is_the_last_resort(plain_file):
    with pytest.raises(WeightsError) as caught:
        load_vae(plain_file)
    assert "tensor encoder.conv_in.weight: stored as (8, 3, 3, 3, 3), expected (128, 3, 3, 3, 3)" in str(
        caught.value
    )


def test_a_damaged_config_inside_the_file_is_named(tmp_path):
    path = write(tmp_path / "vae.gguf", metadata={"seedvr2.vae.config": "{"})
    with pytest.raises(WeightsError) as caught:
        load_vae(path)
    assert str(caught.value).startswith(f"{path}: seedvr2.vae.config: no valid JSON")
    load_vae(path, TINY)


def test_a_hub_out_of_reach_gives_way_with_one_line(own_config_file, monkeypatch, lines, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("seedvr2_cli.hub.config_file.is_reachable", lambda endpoint: False)
    vae = load_vae(own_config_file, "nobody/nothing-of-this-name/vae", reporter=lines)
    assert vae.config == CONFIG
    assert (
        "[VAE Loader] nobody/nothing-of-this-name/vae: the Hub cannot be reached, "
        "and it is not in the cache; taking the file's own config"
    ) in lines.said


def test_a_type_that_is_none_is_refused(plain_file):
    with pytest.raises(UsageError) as caught:
        load_vae(plain_file, TINY, dtype="float8")
    assert str(caught.value) == "dtype: 'float8' is no type; take auto, float32, bfloat16, float16"


def test_weights_come_in_the_type_asked_for_and_the_last_convs_in_float32(plain_file):
    vae = load_vae(plain_file, TINY, dtype=torch.bfloat16)
    kinds = {name: weight.dtype for name, weight in vae.engine._network.state_dict().items()}
    wide = {name for name, kind in kinds.items() if kind == torch.float32}
    assert wide == {
        f"{half}.conv_out.{part}" for half in ("encoder", "decoder") for part in ("weight", "bias")
    }
    assert set(kinds.values()) == {torch.float32, torch.bfloat16}
    assert not any(weight.requires_grad for weight in vae.engine._network.parameters())
