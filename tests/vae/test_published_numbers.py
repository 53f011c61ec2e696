"""Every fixture of the published code, at its tolerance: whole, sliced, in 16 bits."""

import pytest
import torch

from tests.vae.conftest import assert_equal, read_fixture, recipe_vae, snr

SMALL = [
    "tiny_1f",
    "tiny_1f_clamp",
    "tiny_5f",
    "tiny_5f_batch2",
    "tiny_5f_odd",
    "tiny_9f",
    "tiny_17f",
    "mini_1f",
    "mini_5f_odd",
    "mini_9f",
    "half_7f",
]
FULL = ["full_1f", "full_5f", "full_9f"]


@pytest.fixture(scope="module")
def full_vae(data):
    return read_fixture(data / "vae/full_1f.safetensors").vae()


@pytest.mark.parametrize("name", SMALL)
def test_encode_and_decode_give_the_published_values(data, name):
    fixture = read_fixture(data / f"vae/{name}.safetensors")
    check(fixture.vae(), fixture)


@pytest.mark.parametrize("name", FULL)
def test_so_does_the_full_model(data, full_vae, name):
    check(full_vae, read_fixture(data / f"vae/{name}.safetensors"))


def check(vae, fixture):
    posterior = vae.encode(fixture.tensors["x"])
    assert_equal(posterior.mean, fixture.tensors["mean"])
    assert_equal(posterior.logvar, fixture.tensors["logvar"])
    assert_equal(vae.decode(fixture.tensors["mean"]), fixture.tensors["y"])


@pytest.mark.parametrize("name", ["tiny_9f", "mini_9f", "half_7f"])
def test_the_whole_clip_in_one_slice_gives_them_too(data, name):
    fixture = read_fixture(data / f"vae/{name}.safetensors")
    vae = fixture.vae()
    moments, _ = vae.encode_slice(fixture.tensors["x"], None)
    assert_equal(moments.chunk(2, 1)[0].contiguous(), fixture.tensors["mean"])
    assert_equal(vae.decode_slice(fixture.tensors["mean"], None)[0], fixture.tensors["y"])


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 28), (torch.float16, 45)])
@pytest.mark.parametrize("name", ["tiny_9f", "full_5f"])
def test_16_bits_stay_close(data, name, dtype, least):
    fixture = read_fixture(data / f"vae/{name}.safetensors")
    vae = recipe_vae(fixture.config, int(fixture.metadata["seed"]), dtype=dtype)
    assert snr(vae.encode(fixture.tensors["x"]).mean, fixture.tensors["mean"]) >= least
    assert snr(vae.decode(fixture.tensors["mean"]), fixture.tensors["y"]) >= least


def test_16_bit_output_is_finer_than_16_bits(tiny_vae, noise):
    half = recipe_vae(tiny_vae.config.to_mapping(), 1, dtype=torch.bfloat16)
    frames = half.decode(noise(1, 4, 1, 4, 4))
    assert frames.dtype == torch.float32
    assert not torch.equal(frames, frames.bfloat16().float())
