"""Segments cover a shot, are long enough to be worth their way in, and leave pools of color whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.plan.segments import POOL, REACHES, Segment, segment_latents, segments_of
from seedvr2_cli.plan.shots import Shot


@given(st.integers(0, 1000), st.integers(1, 3000), st.integers(1, 40))
def test_segments_cover_a_shot_and_leave_pools_whole(first, frames, reach):
    shot, length = Shot(first, first + frames), segment_latents(reach)
    segments = segments_of(shot, length)
    assert [segment.start for segment in segments] == [0, *(segment.stop for segment in segments[:-1])]
    assert segments[-1].stop == shot.latents
    spans = [segment.frames for segment in segments]
    assert [span.first for span in spans] == [shot.first, *(span.stop for span in spans[:-1])]
    assert spans[-1].stop == shot.stop
    assert all((span.first - shot.first) % POOL == 0 for span in spans)
    assert all(segment.latents >= reach for segment in segments[1:])
    assert all(segment.latents <= 2 * length + 2 for segment in segments)


@pytest.mark.parametrize("frames", [1, 100, 456])
def test_a_shot_of_usual_length_is_one(frames):
    shot = Shot(0, frames)
    assert segments_of(shot, segment_latents(37)) == (Segment(shot, 0, shot.latents),)


def test_a_segment_of_the_published_network():
    assert segment_latents(37) == 115 >= REACHES * 37
    starts = [segment.start for segment in segments_of(Shot(0, 2000), 115)]
    assert starts == [0, 117, 232, 347]  # the last 39 latents go with those before
