"""Tiles cover the picture, are never slivers, and their weights sum to one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.tiles import Tile, spans


@st.composite
def sides(draw):
    length = draw(st.integers(1, 40))
    return (
        draw(st.integers(1, 300)),
        length,
        draw(st.integers(0, length // 2)),
        draw(st.sampled_from([1, 2, 8])),
    )


@given(sides())
def test_blend_weights_sum_to_one_at_every_place(side):
    latents, length, shared, scale = side
    totals = [0.0] * (latents * scale)
    for span in spans(latents, length, shared, scale):
        assert len(span.weights) == (span.end - span.start) * scale
        for offset, weight in enumerate(span.weights):
            assert weight > 0
            totals[span.start * scale + offset] += weight
    assert totals == pytest.approx([1.0] * len(totals), abs=1e-12)


@given(sides())
def test_tiles_are_as_long_as_asked_and_share_what_was_asked(side):
    latents, length, shared, scale = side
    cut = spans(latents, length, shared, scale)
    assert {s.end - s.start for s in cut} == {min(length, latents)}
    assert cut[0].start == 0
    assert cut[-1].end == latents
    for before, after in itertools.pairwise(cut):
        assert before.end - after.start >= shared
        assert after.start > before.start


@given(sides())
def test_there_are_no_more_tiles_than_needed(side):
    latents, length, shared, scale = side
    count = len(spans(latents, length, shared, scale))
    if count > 1:
        assert (count - 1) * length - (count - 2) * shared < latents


def test_a_side_that_fits_is_one_tile_of_full_weight():
    (span,) = spans(7, 8, 2, 2)
    assert (span.start, span.end, span.weights) == (0, 7, (1.0,) * 14)


def test_an_overlap_of_more_than_half_a_tile_is_refused():
    with pytest.raises(UsageError) as caught:
        Tile((512, 128), (64, 65))
    assert str(caught.value) == (
        "tile overlap 65: more than half the tile (64); take a smaller overlap or a larger tile"
    )


def test_a_side_of_0_takes_any_overlap():
    assert Tile((0, 0), (64, 64)).size == (0, 0)
