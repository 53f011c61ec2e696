"""Shots are all of a film, and are brought to the lengths that the VAE takes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.shots import Shot, filled_indices, shots_of


@given(st.integers(1, 500), st.sets(st.integers(0, 499)))
def test_shots_are_the_whole_film_and_begin_where_they_were_told_to(frames, places):
    starts = sorted(place for place in places if place < frames)
    shots = shots_of(starts, frames)
    assert [frame for shot in shots for frame in range(shot.first, shot.stop)] == list(range(frames))
    assert [shot.first for shot in shots] == sorted({0, *starts})


@pytest.mark.parametrize(
    ("starts", "line"),
    [
        ([5, 5], "a shot cannot begin at frame 5, behind one that begins at 5"),
        ([7, 5], "a shot cannot begin at frame 5, behind one that begins at 7"),
        ([10], "a shot cannot begin at frame 10: the film has 10, counted from 0"),
        ([-3], "a shot cannot begin at frame -3, behind one that begins at 0"),
    ],
)
def test_starts_that_make_no_shots_are_refused(starts, line):
    with pytest.raises(UsageError) as refused:
        shots_of(starts, 10)
    assert str(refused.value) == line


FILLED = {
    1: [0],
    2: [0, 1, 1, 1, 1],
    3: [0, 1, 2, 1, 0],
    4: [0, 1, 2, 3, 2],
    5: [0, 1, 2, 3, 4],
    6: [0, 1, 2, 3, 4, 5, 4, 3, 2],
}


@pytest.mark.parametrize("frames", FILLED)
def test_a_shot_is_filled_up_by_reflection_at_its_end(frames):
    assert filled_indices(frames) == FILLED[frames]


@given(st.integers(1, 1000))
def test_a_filled_shot_has_the_frames_of_its_latents(frames):
    indices = filled_indices(frames)
    latents = Shot(0, frames).latents
    assert len(indices) == 4 * (latents - 1) + 1
    assert indices[:frames] == list(range(frames))
    assert all(0 <= index < frames for index in indices)


@pytest.mark.shared
def test_the_ends_of_the_public_tools_batches_are_filled_as_ours(shared):
    """Its rule is kept for the end of a shot, and for nothing else.

    It fills every batch, and up to a whole batch where asked to ("uniform"), prepends frames that one of its
    two paths leaves in the output, and mixes pictures of batches that saw other noise. Ours has one encode,
    one noise and one decode a shot (spec/dit.md 7.2, 7.3), so only the end of a shot is ever filled.
    """
    compared = 0
    for case in json.loads((shared / "fixtures/dit/plan.json").read_text()):
        if case["uniform"] or case["prepend"]:
            continue
        for batch in case["batches"]:
            ours = [batch["start"] + index for index in filled_indices(batch["end"] - batch["start"])]
            assert ours == batch["frames"]
            compared += 1
    assert compared > 20
