"""A clip that is begun early enough before a place comes there to the bits of the whole one."""

import pytest
import torch

from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.reach import Reach, reach_of
from tests.vae.conftest import recipe_vae

SMALL = {"latent_channels": 4, "block_out_channels": [8, 8], "norm_num_groups": 4, "layers_per_block": 1}
FLAT = SMALL | {"block_out_channels": [8, 8, 8], "temporal_scale_num": 1}
PUBLISHED = SMALL | {"block_out_channels": [8, 8, 8, 8], "layers_per_block": 2}
SIZES = {"as published, narrow": PUBLISHED, "two levels": SMALL, "time halved once": FLAT}


def test_the_published_network_looks_seconds_back():
    assert reach_of(VAEConfig()) == Reach(encode=28, decode=37)


@pytest.mark.parametrize(
    ("way", "dtype"),
    [(Way(), torch.bfloat16), (Way(in_pairs=False, stores_last=False), torch.float32)],
    ids=["pairs", "single"],
)
@pytest.mark.parametrize("config", SIZES.values(), ids=SIZES)
def test_frames_do_not_depend_on_what_is_farther_back(config, way, dtype):
    vae = recipe_vae(config, 1, dtype=dtype)
    reach, group = vae.reach.decode, vae.config.temporal_factor
    latents = torch.randn((1, 4, reach + 6, 2, 2), generator=torch.Generator().manual_seed(1))
    whole = vae.decode(latents, way=way)
    place = reach + 4
    wanted = whole[:, :, group * place - group + 1 :]
    assert torch.equal(frames_from(vae, latents, place, reach, way), wanted)
    assert not torch.equal(frames_from(vae, latents, place, reach - 1, way), wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("config", SIZES.values(), ids=SIZES)
def test_latents_do_not_depend_on_what_is_farther_back(config, dtype):
    vae = recipe_vae(config, 1, dtype=dtype)
    reach, group, side = vae.reach.encode, vae.config.temporal_factor, 2 * vae.config.spatial_factor
    shape = (1, 3, group * (reach + 6) + 1, side, side)
    frames = torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    whole = vae.encode(frames).mean
    place = reach + 3
    late = vae.encode(frames[:, :, group * (place - reach) :]).mean
    assert torch.equal(late[:, :, reach:], whole[:, :, place:])
    far_too_late = vae.encode(frames[:, :, group * (place - reach // 2) :]).mean
    assert not torch.equal(far_too_late[:, :, reach // 2 :], whole[:, :, place:])


def frames_from(vae, latents, place, early, way):
    """The frames from those of a latent on, decoded from `early` latents before it."""
    frames = vae.decode(latents[:, :, place - early :], way=way)
    group = vae.config.temporal_factor
    return frames[:, :, group * early - group + 1 :]
