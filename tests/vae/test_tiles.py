"""Overlapping tiles: the user's values as they are, and closer to untiled than the published way.

At the latents' size they see the whole frame.
"""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.ops.reference_convs import ReferenceConvs
from seedvr2_cli.ops.slot_convs import ConvChoice
from seedvr2_cli.plan.tiles import Tile
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.overlap import run_tiles, tile_grid
from tests.vae.conftest import TINY, assert_equal, read_fixture, recipe_vae, snr

# name -> dB of encode and decode where tiles go through the whole network, as they did here once
BLIND = {"tiled_mini_5f": (4.59, 5.33), "tiled_tiny_1f": (6.22, 3.06)}


@pytest.mark.parametrize("name", list(BLIND))
def test_tiled_is_closer_to_untiled_than_the_published_tiling_and_than_tiles_all_the_way(data, name):
    fixture = read_fixture(data / f"vae/{name}.safetensors")
    sides = {
        key: tuple(reversed(json.loads(fixture.metadata[key])))  # they are (height, width)
        for key in ("encode_tile", "encode_overlap", "decode_tile", "decode_overlap")
    }
    vae, x = fixture.vae(), fixture.tensors["x"].float()
    mean, y = fixture.tensors["mean"], fixture.tensors["y"].float()
    encoded = vae.encode(x, tile=Tile(sides["encode_tile"], sides["encode_overlap"])).mean
    assert snr(encoded, mean) >= max(snr(fixture.tensors["mean_tiled"], mean), BLIND[name][0] + 2)
    decoded = vae.decode(mean, tile=Tile(sides["decode_tile"], sides["decode_overlap"]))
    assert snr(decoded, y) >= max(snr(fixture.tensors["y_tiled"].float(), y), BLIND[name][1] + 6)


def test_what_changes_in_one_corner_is_seen_by_the_tiles_of_the_other(tiny_vae, noise):
    tile = Tile((32, 32), (8, 8))
    z, frames = noise(1, 4, 1, 10, 10), noise(1, 3, 1, 80, 80)
    for through, x in ((tiny_vae.decode, z), (lambda x, tile: tiny_vae.encode(x, tile=tile).mean, frames)):
        changed = x.clone()
        changed[..., 0, 0] += 1
        far = [through(given, tile=tile)[..., -1, -1] for given in (x, changed)]
        assert not torch.equal(*far)


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


@pytest.mark.parametrize("lengths", [(2, 1), (1, 2)])
def test_slices_of_any_length_and_clips_of_a_batch_give_the_same(tiny_vae, noise, lengths):
    tile = Tile((32, 24), (16, 8))
    z, frames = noise(2, 4, sum(lengths), 5, 6), noise(2, 3, 4 * sum(lengths) - 3, 40, 48)
    counts = [4 * length - 3 * (k == 0) for k, length in enumerate(lengths)]
    moments = tiny_vae.encode(frames, tile=tile)
    for half, pieces, whole in (
        (tiny_vae.decode_slice, z.split(lengths, dim=2), tiny_vae.decode(z, tile=tile)),
        (tiny_vae.encode_slice, frames.split(counts, dim=2), moments.mean),
    ):
        state, parts = None, []
        for k, piece in enumerate(pieces):
            part, state = half(piece, state, tile=tile, last=k == len(lengths) - 1)
            parts.append(part[:, :4])
        assert_equal(torch.cat(parts, 2), whole)
        assert [clip.nbytes for clip in state] == [0, 0]
    assert_equal(tiny_vae.decode(z[1:], tile=tile), tiny_vae.decode(z, tile=tile)[1:])


@pytest.mark.parametrize("way", [Way(in_pairs=False, strip_rows=3), Way(stores_last=False)])
def test_tiles_give_the_same_in_any_way_and_where_a_back_end_takes_convs_whole(tiny_vae, noise, way):
    tile = Tile((32, 24), (16, 8))
    vae = recipe_vae(TINY, 1)
    vae.engine.choice = ConvChoice(whole=ReferenceConvs())
    z, frames = noise(1, 4, 2, 5, 6), noise(1, 3, 5, 40, 48)
    assert_equal(vae.decode(z, tile=tile, way=way), tiny_vae.decode(z, tile=tile))
    assert_equal(vae.encode(frames, tile=tile, way=way).mean, tiny_vae.encode(frames, tile=tile).mean)


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
    values = torch.rand(3, height, width, 2)

    def grow(x):
        return x.repeat_interleave(factor, 1).repeat_interleave(factor, 2)

    def step(part, seen):
        seen.append(part.shape)
        return part[:, ::factor, ::factor] if encoding else grow(part)

    states = [[] for _ in range(len(grid))]
    blended = run_tiles(grid, step, grow(values) if encoding else values, states)
    torch.testing.assert_close(blended, values if encoding else grow(values))
    assert all(len(seen) == 1 for seen in states)
