"""Clips are cut as one frame and then whole groups."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.plan.geometry import padded_size, reflected_indices
from seedvr2_cli.plan.slices import latent_count, padded_count, slice_frames


@given(st.integers(1, 10_000), st.sampled_from([1, 2, 4, 8]))
def test_a_padded_clip_is_valid_and_as_short_as_can_be(frames, factor):
    count = padded_count(frames, factor)
    assert (count - 1) % factor == 0
    assert frames <= count < frames + factor
    assert latent_count(frames, factor) == (count - 1) // factor + 1


@given(st.integers(1, 100), st.sampled_from([1, 2, 4]))
def test_a_slice_is_a_whole_number_of_groups(at_least, factor):
    length = slice_frames(at_least, factor)
    assert length % factor == 0
    assert at_least <= length < at_least + factor


@given(st.integers(1, 64), st.sampled_from([1, 4, 8, 16]))
def test_reflection_stays_inside_and_keeps_the_picture(size, multiple):
    padded = padded_size(size, multiple)
    indices = reflected_indices(size, padded)
    assert indices[:size] == list(range(size))
    assert len(indices) == padded
    assert all(0 <= i < size for i in indices)
    assert all(abs(a - b) <= 1 for a, b in itertools.pairwise(indices))


def test_the_edge_is_not_repeated():
    assert reflected_indices(3, 8) == [0, 1, 2, 1, 0, 1, 2, 1]
    assert reflected_indices(1, 4) == [0, 0, 0, 0]
