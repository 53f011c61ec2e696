"""Which convs a policy takes, and what share of the work that is."""

import pytest

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.eight_bits import choose_convs, share_of
from seedvr2_cli.vae.work import conv_works

SMALL = VAEConfig(
    latent_channels=16, block_out_channels=(16, 32, 64, 64), norm_num_groups=4, layers_per_block=1
)

WORK = {  # MFLOP per pixel and frame (spec/perf.md 6)
    "decoder.mid_block": 0.23,
    "decoder.up_blocks.0.resnets": 0.33,
    "decoder.up_blocks.0.upsamplers": 0.13,
    "decoder.up_blocks.1.resnets": 2.65,
    "decoder.up_blocks.1.upsamplers": 1.05,
    "decoder.up_blocks.2.resnets": 6.26,
    "decoder.up_blocks.2.upsamplers": 1.57,
    "decoder.up_blocks.3": 6.26,
    "decoder.conv_out": 0.02,
    "decoder": 18.51,
    "encoder.conv_in": 0.02,
    "encoder.down_blocks.0": 3.61,
    "encoder.down_blocks.1": 3.22,
    "encoder.down_blocks.2": 1.61,
    "encoder.down_blocks.3": 0.22,
    "encoder.mid_block": 0.23,
    "encoder": 8.92,
}


@pytest.mark.parametrize("part", WORK)
def test_the_work_of_each_part_is_the_published_one(part):
    works = conv_works(VAEConfig())
    got = sum(
        work.mflop for work in works if work.name.startswith(f"{part}."[: len(part) + 1]) or work.name == part
    )
    assert got == pytest.approx(WORK[part], abs=0.006)


def test_high_takes_the_resnet_convs_of_the_two_largest_stages():
    chosen = choose_convs(VAEConfig(), "high")
    assert {name.rsplit(".", 3)[0] for name in chosen} == {
        "encoder.down_blocks.0",
        "encoder.down_blocks.1",
        "decoder.up_blocks.2",
        "decoder.up_blocks.3",
    }
    share = share_of(VAEConfig(), chosen)
    assert (share.chosen, share.all) == (20, 62)
    assert (round(share.decoding, 2), round(share.encoding, 2)) == (0.67, 0.74)


def test_fast_takes_all_causal_convs_but_the_first_and_the_last():
    chosen = choose_convs(VAEConfig(), "fast")
    assert len(chosen) == 51
    assert "decoder.up_blocks.0.upsamplers.0.conv" in chosen
    assert "encoder.mid_block.resnets.1.conv2" in chosen
    left = ("conv_in", "conv_out", "conv_shortcut", "downsamplers", "upscale_conv", "attentions")
    assert not [name for name in chosen if any(word in name for word in left)]


def test_a_model_of_other_widths_has_the_same_policies():
    high, fast = choose_convs(SMALL, "high"), choose_convs(SMALL, "fast")
    assert len(high) == 12
    assert high < fast


def test_patterns_take_what_they_name():
    chosen = choose_convs(VAEConfig(), "decoder.up_blocks.3.*,*.mid_block.*.conv1")
    assert len(chosen) == 6 + 4


@pytest.mark.parametrize("policy", ["fats", "decoder.conv_out", "*.conv1,x", ""])
def test_a_pattern_that_takes_nothing_is_refused(policy):
    with pytest.raises(UsageError) as caught:
        choose_convs(VAEConfig(), policy)
    last = policy.split(",")[-1]
    assert str(caught.value) == (
        f"--fp8-convs: no conv that can compute in 8 bits is called {last!r}; "
        "take high, fast, or a pattern of names such as 'decoder.up_blocks.*'"
    )
