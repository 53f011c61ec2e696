"""The 2-D form of a clip's first frame gives the values of the plain 3-D form."""

import pytest
import torch

from tests.vae.conftest import assert_equal, read_fixture


@pytest.mark.parametrize("name", ["tiny_1f", "mini_1f", "tiny_9f"])
def test_folded_and_plain_first_frames_agree(data, name):
    fixture = read_fixture(data / f"vae/{name}.safetensors")
    vae = fixture.vae()
    x, z = fixture.tensors["x"], fixture.tensors["mean"]
    for half, clip in ((vae.network.encoder, x), (vae.network.decoder, z)):
        folded, cache = half(clip[:, :, :1], None)
        plain, plain_cache = half(clip[:, :, :1], None, fold=False)
        assert_equal(folded, plain)
        for ours, theirs in zip(cache.frames, plain_cache.frames, strict=True):
            assert_equal(ours, theirs)


def test_the_folded_form_takes_a_third_of_the_work(tiny_vae, noise):
    from torch.utils.flop_counter import FlopCounterMode

    def work(*, fold: bool) -> int:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            tiny_vae.network.decoder(noise(1, 4, 1, 8, 8), None, fold=fold)
        return counter.get_total_flops()

    assert work(fold=False) / work(fold=True) == pytest.approx(2.92, abs=0.15)  # spec/vae.md 6
