"""Every way through the engine gives the plain frames: strips, pairs, buffers, files, any kernels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.on_cpu.onednn import OneDNN
from seedvr2_cli.ops.reference_convs import ReferenceConvs
from seedvr2_cli.ops.slot_convs import ConvChoice
from seedvr2_cli.vae.engine.way import Way
from tests.vae.conftest import TINY, assert_equal, recipe_network, recipe_vae

MINI = {"latent_channels": 16, "block_out_channels": [16, 32, 64, 64], "norm_num_groups": 8}

ways = st.builds(
    Way,
    in_pairs=st.booleans(),
    strip_rows=st.none() | st.integers(1, 40),
    stores_last=st.booleans(),
    parks=st.none() | st.integers(0, 20_000),
)


@pytest.fixture(scope="module")
def plain():
    """Latents and frames of the plain network, in float32: an odd size, four latents."""
    network = recipe_network(TINY, 1)
    frames = torch.rand((1, 3, 13, 24, 16), generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        moments, _ = network.encoder(frames, None)
        mean = moments[:, :4].contiguous()
        return frames, mean, network.decoder(mean, None)[0]


@given(ways)
@settings(max_examples=15, deadline=None)
def test_any_way_gives_the_plain_frames(tiny_vae, plain, way):
    frames, mean, decoded = plain
    assert_equal(tiny_vae.encode(frames, way=way).mean.contiguous(), mean)
    assert_equal(tiny_vae.decode(mean, way=way), decoded)


@given(ways, st.integers(1, 4))
@settings(max_examples=8, deadline=None)
def test_any_way_and_any_slices_give_the_plain_frames(tiny_vae, plain, way, length):
    _, mean, decoded = plain
    pieces = list(tiny_vae.decode_stream(mean.split(length, dim=2), way=way))
    assert_equal(torch.cat(pieces, 2), decoded)


@given(ways, st.integers(1, 4))
@settings(max_examples=8, deadline=None)
def test_convs_that_a_back_end_takes_whole_give_the_plain_frames(plain, way, length):
    frames, mean, decoded = plain
    vae = recipe_vae(TINY, 1)
    vae.engine.choice = ConvChoice(whole=ReferenceConvs())
    assert_equal(vae.encode(frames, way=way).mean.contiguous(), mean)
    assert_equal(torch.cat(list(vae.decode_stream(mean.split(length, dim=2), way=way)), 2), decoded)


def test_memory_in_a_file_gives_the_plain_frames_and_leaves_no_file(tiny_vae, plain, tmp_path):
    frames, mean, decoded = plain
    way = Way(cache_folder=tmp_path)
    assert_equal(tiny_vae.encode(frames, way=way).mean.contiguous(), mean)
    assert_equal(tiny_vae.decode(mean, way=way), decoded)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kernels", [PlainKernels(torch.device("cpu")), OneDNN()], ids=lambda k: k.name)
@pytest.mark.parametrize("in_pairs", [True, False], ids=["pairs", "singles"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bits_are_at_most_twice_as_far_off_as_the_plain_network(kernels, in_pairs, dtype):
    frames = torch.rand((1, 3, 9, 32, 48), generator=torch.Generator().manual_seed(0)) * 2 - 1
    exact, half = recipe_network(MINI, 1), recipe_network(MINI, 1, dtype=dtype)
    vae = recipe_vae(MINI, 1, dtype=dtype)
    vae.engine.kernels = kernels
    with torch.no_grad():
        truth = exact.encoder(frames, None)[0]
        theirs = half.encoder(frames.to(dtype), None)[0]
        ours, _ = vae.encode_slice(frames, None, way=Way(in_pairs=in_pairs))
        assert worst(ours, truth) <= 2 * worst(theirs, truth)
        mean = truth[:, :16].contiguous()
        truth, theirs = exact.decoder(mean, None)[0], half.decoder(mean.to(dtype), None)[0]
        ours, _ = vae.decode_slice(mean, None, way=Way(in_pairs=in_pairs))
        assert worst(ours, truth) <= 2 * worst(theirs, truth)


def worst(got: torch.Tensor, truth: torch.Tensor) -> float:
    return float((got - truth).abs().max() / max(1.0, float(truth.abs().max())))
