"""Overlapping tiles: the user's values as they are, and closer to untiled than the published way."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.plan.tiles import Tile
from seedvr2_cli.vae.overlap import run_tiles, tile_grid
from tests.vae.conftest import assert_equal, read_fixture, snr


@pytest.mark.parametrize("name", ["tiled_mini_5f", "tiled_tiny_1f"])
def test_tiled_is_at_least_as_close_to_untiled_as_the_published_tiling(data, name):
    fixture = read_fixture(data / f"vae/{name}.safetensors")
    sides = {
        key: tuple(reversed(json.loads(fixture.metadata[key])))  # they are (height, width)
        for key in ("encode_tile", "encode_overlap", "decode_tile", "decode_overlap")
    }
    vae, x = fixture.vae(), fixture.tensors["x"].float()
    mean, y = fixture.tensors["mean"], fixture.tensors["y"].float()
    encoded = vae.encode(x, tile=Tile(sides["encode_tile"], sides["encode_overlap"])).mean
    assert snr(encoded, mean) >= snr(fixture.tensors["mean_tiled"], mean)
    decoded = vae.decode(mean, tile=Tile(sides["decode_tile"], sides["decode_overlap"]))
    assert snr(decoded, y) >= snr(fixture.tensors["y_tiled"].float(), y)


def test_a_frame_that_fits_a_tile_is_not_tiled(tiny_vae, noise):
    frames = noise(1, 3, 5, 24, 32)
    assert torch.equal(
        tiny_vae.encode(frames, tile=Tile((32, 24), (8, 8))).mean, tiny_vae.encode(frames).mean
    )
    whole = Tile((0, 0), (64, 64))
    assert torch.equal(tiny_vae.encode(frames, tile=whole).mean, tiny_vae.encode(frames).mean)


def test_one_side_may_be_tiled_alone(tiny_vae, noise):
    frames = tiny_vae.decode(noise(1, 4, 2, 4, 9), tile=Tile((32, 0), (16, 0)))
    assert frames.shape == (1, 3, 5, 32, 72)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4))
@settings(max_examples=8)
def test_each_tile_has_its_own_memory_so_that_any_slices_give_the_same(tiny_vae, noise, lengths):
    z = noise(1, 4, sum(lengths), 5, 6)
    tile = Tile((32, 24), (16, 8))
    pieces = list(tiny_vae.decode_stream(z.split(lengths, dim=2), tile=tile))
    assert_equal(torch.cat(pieces, 2), tiny_vae.decode(z, tile=tile))


def test_odd_pixels_at_the_end_belong_to_the_last_tile(tiny_vae, noise):
    frames = noise(1, 3, 1, 27, 45)
    assert tiny_vae.encode(frames, tile=Tile((24, 16), (8, 8))).mean.shape == (1, 4, 1, 3, 5)


@given(st.tuples(st.integers(1, 9), st.integers(1, 9)), st.integers(8, 48), st.booleans())
def test_blending_what_agrees_changes_nothing(latent_size, tile_side, encoding):
    """The step copies its input, so that every tile agrees with its neighbours."""
    factor = 8
    grid = tile_grid(Tile((tile_side, tile_side), (8, 4) if tile_side >= 16 else (0, 0)), latent_size, factor,
                     encoding=encoding)  # fmt: skip
    width, height = latent_size
    values = torch.rand(1, 2, 3, height, width)
    grown = values.repeat_interleave(factor, 3).repeat_interleave(factor, 4)

    def step(part, cache):
        return (part[..., ::factor, ::factor] if encoding else part.repeat_interleave(factor, 3)
                .repeat_interleave(factor, 4)), cache  # fmt: skip

    blended, caches = run_tiles(grid, step, grown if encoding else values, None)
    torch.testing.assert_close(blended, values if encoding else grown)
    assert len(caches) == len(grid)
