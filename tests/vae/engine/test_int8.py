"""The engine with convs in int8: what it costs in dB, and that the way through changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.ops.on_cpu.int8 import OneDNNInt8
from seedvr2_cli.ops.on_cpu.onednn import OneDNN
from seedvr2_cli.vae.engine.gain import block_gain
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.vae import VideoVAE
from tests.vae.conftest import recipe_network, recipe_vae, snr
from tests.vae.engine.test_eight_bits import MINI, clip, with_convs


def in_int8(config, policy: str, dtype: torch.dtype = torch.float32) -> VideoVAE:
    return with_convs(OneDNNInt8(OneDNN()), config, policy, dtype)


@pytest.mark.parametrize(
    ("policy", "least"),
    [  # dB of signal to noise against float32: encoding and decoding; FP8 has 20 and 27, 18.5 and 16
        ("high", (27.0, 34.0)),
        ("fast", (26.0, 22.0)),
    ],
)
def test_the_error_is_below_that_of_fp8(policy, least):
    frames = clip(5)
    exact = recipe_vae(MINI, 1)
    mean = exact.encode(frames).mean
    ours = in_int8(MINI, policy)
    got = snr(ours.encode(frames).mean, mean), snr(ours.decode(mean), exact.decode(mean))
    assert got[0] >= least[0]
    assert got[1] >= least[1]


@given(
    st.builds(Way, in_pairs=st.booleans(), strip_rows=st.none() | st.integers(1, 40)),
    st.integers(1, 3),
)
@settings(max_examples=4, deadline=None)
def test_any_way_and_any_slices_are_as_close_to_float32(way, length):
    """Not the same frames: where sums are rounded in another order, single values fall to other codes, and a
    step of int8 is large enough to move more of them in the layers behind."""
    mean = torch.randn(1, 16, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    exact = recipe_vae(MINI, 1).decode(mean)
    whole = in_int8(MINI, "high").decode(mean)
    pieces = in_int8(MINI, "high").decode_stream(mean.split(length, dim=2), way=way)
    got = torch.cat(list(pieces), 2)
    assert snr(got, exact) > snr(whole, exact) - 0.5
    assert torch.equal(got, whole) or snr(got, whole) > snr(whole, exact)


def test_slices_and_freed_buffers_change_nothing():
    mean = torch.randn(1, 16, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    whole = in_int8(MINI, "high").decode(mean)
    way = Way(stores_last=False)
    pieces = in_int8(MINI, "high").decode_stream(mean.split(1, dim=2), way=way)
    assert torch.equal(torch.cat(list(pieces), 2), whole)


@pytest.mark.parametrize(("dtype", "share"), [(torch.bfloat16, 0.5), (torch.float32, 0.25)])
def test_the_causal_memory_holds_codes_of_one_byte(dtype, share):
    mean = torch.randn(1, 16, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    _, plain = recipe_vae(MINI, 1, dtype=dtype).decode_slice(mean, None)
    _, coded = in_int8(MINI, "fast", dtype).decode_slice(mean, None)
    assert share <= coded[0].nbytes / plain[0].nbytes < share + 0.03


def test_a_gain_is_measured_on_a_block_and_leaves_the_weights():
    network = recipe_network(MINI, 1)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    assert 0.05 < block_gain(network, OneDNN(), OneDNNInt8(OneDNN()), torch.float32) < 50
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
