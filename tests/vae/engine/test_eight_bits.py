"""The engine with convs in FP8: what it costs in dB, and that the way through changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.ops.emulated import Emulated
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.scales import E4M3
from seedvr2_cli.ops.slot_convs import ConvChoice, SlotConvs
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.eight_bits import choose_convs
from seedvr2_cli.vae.engine.plan import Wanted, choose_way
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.reach import Reach
from seedvr2_cli.vae.vae import ENDLESS, VideoVAE
from tests.vae.conftest import recipe_vae, snr
from tests.vae.engine.ideal_convs import IdealE4M3

MINI = {"latent_channels": 16, "block_out_channels": [32, 64, 128, 128], "norm_num_groups": 32}
FULL: dict[str, object] = {}
WHOLE_FRAMES = Way(in_pairs=False, strip_rows=4096)  # the ideal scale is that of a frame
BELOW = 20.0  # dB under what FP8 errs: sums in another order move single codes


def emulated(config, policy: str, dtype: torch.dtype = torch.float32) -> VideoVAE:
    return with_convs(Emulated(PlainKernels(torch.device("cpu")), E4M3), config, policy, dtype)


def with_convs(convs: SlotConvs, config, policy: str, dtype: torch.dtype = torch.float32) -> VideoVAE:
    vae = recipe_vae(config, 1, dtype=dtype)
    vae.engine.choice = ConvChoice(eight=convs, chosen=choose_convs(vae.config, policy))
    return vae


def clip(frames: int, height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.rand((1, 3, frames, height, width), generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(
    ("config", "size", "policy", "least"),
    [  # dB of signal to noise against float32: encoding and decoding
        (MINI, (32, 48), "high", (20.0, 27.0)),
        (MINI, (32, 48), "fast", (18.5, 16.0)),
        pytest.param(FULL, (64, 64), "high", (17.5, 25.5), marks=pytest.mark.slow),
        pytest.param(FULL, (64, 64), "fast", (16.0, 17.5), marks=pytest.mark.slow),
    ],
)
def test_an_error_is_at_most_1_2_times_that_of_ideal_scales(config, size, policy, least):
    frames = clip(5, *size)
    exact = recipe_vae(config, 1)
    mean = exact.encode(frames).mean
    decoded = exact.decode(mean)
    ours, ideal = emulated(config, policy), with_convs(IdealE4M3(), config, policy)
    for half, truth in enumerate((mean, decoded)):
        given = frames if half == 0 else mean
        got, best = (
            vae.encode(given, way=WHOLE_FRAMES).mean if half == 0 else vae.decode(given, way=WHOLE_FRAMES)
            for vae in (ours, ideal)
        )
        error, least_error = (float((x - truth).square().mean().sqrt()) for x in (got, best))
        assert error <= 1.2 * least_error
        assert snr(got, truth) >= least[half]


@given(
    st.builds(
        Way,
        in_pairs=st.booleans(),
        strip_rows=st.none() | st.integers(1, 40),
        stores_last=st.booleans(),
    ),
    st.integers(1, 3),
)
@settings(max_examples=5, deadline=None)
def test_any_way_and_any_slices_give_the_same_frames(way, length):
    mean = torch.randn(1, 16, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    whole = emulated(MINI, "fast").decode(mean)
    pieces = emulated(MINI, "fast").decode_stream(mean.split(length, dim=2), way=way)
    exact = recipe_vae(MINI, 1).decode(mean)
    assert snr(torch.cat(list(pieces), 2), whole) > snr(whole, exact) + BELOW


def test_the_causal_memory_holds_codes_of_one_byte():
    mean = torch.randn(1, 16, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    _, plain = recipe_vae(MINI, 1, dtype=torch.bfloat16).decode_slice(mean, None)
    _, coded = emulated(MINI, "fast", torch.bfloat16).decode_slice(mean, None)
    assert 0.5 <= coded[0].nbytes / plain[0].nbytes < 0.52  # of the first and the last conv 16 bits


def test_a_clip_that_brightens_by_far_saturates_and_stays_finite():
    mean = torch.randn(1, 16, 4, 3, 4, generator=torch.Generator().manual_seed(0))
    mean[:, :, 2:] *= 1000
    assert torch.isfinite(emulated(MINI, "fast").decode(mean)).all()


def test_an_upsampler_in_codes_looks_back_to_the_clips_first_frame():
    high, fast = (emulated(MINI, policy).reach for policy in ("high", "fast"))
    assert high == recipe_vae(MINI, 1).reach
    assert fast == Reach(high.encode, ENDLESS)


def test_the_plan_knows_that_codes_take_less():
    wanted = Wanted(size=(1920, 1088), alone=False, encodes=False, decodes=True)
    choice = emulated(MINI, "fast").engine.choice
    whole = ConvChoice(eight=choice.eight, chosen=choose_convs(VAEConfig(), "fast"))
    cpu = torch.device("cpu")
    plain = choose_way(VAEConfig(), torch.bfloat16, cpu, wanted)
    coded = choose_way(VAEConfig(), torch.bfloat16, cpu, wanted, whole)
    assert plain.bytes - coded.bytes > 6.5 * 2**30  # half of 14.2 GiB (spec/perf.md 4)
