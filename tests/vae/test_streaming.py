"""Any cut of a clip in time gives the same frames; what is remembered is a value."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from tests.vae.conftest import assert_equal

LATENTS, FRAMES = 5, 17


def cuts(length, step=1):
    """Lengths of pieces that make up `length`, each but the first a multiple of step."""
    places = list(range(1, length, step))
    return st.sets(st.sampled_from(places)).map(
        lambda at: [b - a for a, b in itertools.pairwise([0, *sorted(at), length])]
    )


@pytest.fixture(scope="module")
def clip(tiny_vae, noise):
    frames = noise(1, 3, FRAMES, 16, 24)
    posterior = tiny_vae.encode(frames)
    return frames, posterior, tiny_vae.decode(posterior.mean)


@given(cuts(FRAMES, 4))
def test_any_slices_of_frames_encode_to_the_same_latents(tiny_vae, clip, lengths):
    state, parts = None, []
    for piece in clip[0].split(lengths, dim=2):
        moments, state = tiny_vae.encode_slice(piece, state)
        parts.append(moments)
    assert_equal(torch.cat(parts, 2).chunk(2, 1)[0].contiguous(), clip[1].mean)


@given(cuts(LATENTS))
def test_any_slices_of_latents_decode_to_the_same_frames(tiny_vae, clip, lengths):
    state, parts = None, []
    for piece in clip[1].mean.split(lengths, dim=2):
        frames, state = tiny_vae.decode_slice(piece, state)
        parts.append(frames)
    assert_equal(torch.cat(parts, 2), clip[2])


@given(cuts(FRAMES), cuts(LATENTS))
@settings(max_examples=10)
def test_streams_take_pieces_of_any_length(tiny_vae, clip, frame_cut, latent_cut):
    means = [p.mean for p in tiny_vae.encode_stream(clip[0].split(frame_cut, dim=2))]
    assert_equal(torch.cat(means, 2), clip[1].mean)
    frames = list(tiny_vae.decode_stream(clip[1].mean.split(latent_cut, dim=2)))
    assert_equal(torch.cat(frames, 2), clip[2])


def test_a_stream_yields_as_soon_as_it_can(tiny_vae, noise):
    read = []

    def frames():
        for i in range(9):
            read.append(i)
            yield noise(1, 3, 1, 16, 16, seed=i)

    stream = tiny_vae.encode_stream(frames())
    assert next(stream).mean.shape[2] == 1
    assert len(read) == 1
    assert next(stream).mean.shape[2] == 1
    assert len(read) == 5


def test_streams_go_one_into_the_other(tiny_vae, clip):
    frames = list(tiny_vae.decode_stream(tiny_vae.encode_stream(clip[0])))
    assert_equal(torch.cat(frames, 2), clip[2])


def test_two_clips_may_be_taken_turn_by_turn(tiny_vae, clip, noise):
    other = noise(1, 4, LATENTS, 2, 3, seed=9)
    alone = tiny_vae.decode(other)
    turns = zip(
        tiny_vae.decode_stream(clip[1].mean.split(1, dim=2)),
        tiny_vae.decode_stream(other.split(1, dim=2)),
        strict=True,
    )
    first, second = (torch.cat(parts, 2) for parts in zip(*turns, strict=True))
    assert_equal(first, clip[2])
    assert_equal(second, alone)


def test_what_is_remembered_does_not_grow_and_ends_with_the_clip(tiny_vae, clip):
    z = clip[1].mean
    _, state = tiny_vae.decode_slice(z[:, :, :2], None)
    held = state[0].nbytes
    assert held > 0
    _, state = tiny_vae.decode_slice(z[:, :, 2:4], state)
    assert state[0].nbytes == held
    _, state = tiny_vae.decode_slice(z[:, :, 4:], state, last=True)
    assert state[0].nbytes == 0


def test_a_picture_alone_is_not_remembered(tiny_vae, clip):
    _, state = tiny_vae.encode_slice(clip[0][:, :, :1], None, last=True)
    assert state[0].nbytes == 0


def test_clips_of_a_batch_are_taken_each_for_itself(tiny_vae, noise):
    both = noise(2, 4, 2, 3, 4)
    one = [tiny_vae.decode(z[None]) for z in both]
    assert_equal(tiny_vae.decode(both), torch.cat(one))


def test_the_first_frame_is_the_picture_alone(tiny_vae, clip):
    assert_equal(tiny_vae.encode(clip[0][:, :, :1]).mean, clip[1].mean[:, :, :1])
    assert_equal(tiny_vae.decode(clip[1].mean[:, :, :1]), clip[2][:, :, :1])


@pytest.mark.parametrize("frames", [2, 4, 6, 8])
def test_a_count_that_would_lose_frames_is_refused(tiny_vae, noise, frames):
    pieces = noise(1, 3, frames, 16, 16)
    expected = (
        f"{frames} frames, not 4 n + 1: the rest would be lost; "
        f"repeat the last frame up to {5 if frames < 6 else 9}, and cut the result back"
    )
    with pytest.raises(ShapeError) as whole:
        tiny_vae.encode(pieces)
    with pytest.raises(ShapeError) as streamed:
        list(tiny_vae.encode_stream(pieces.split(1, dim=2)))
    assert str(whole.value) == str(streamed.value) == expected


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 3, 16, 16), "frames of (1, 3, 16, 16) torch.float32, not (B, 3, T, H, W) of floats in [-1, 1]"),
        (
            (1, 4, 1, 16, 16),
            "frames of (1, 4, 1, 16, 16) torch.float32, not (B, 3, T, H, W) of floats in [-1, 1]",
        ),
        ((1, 3, 1, 7, 16), "frames of (1, 3, 1, 7, 16): sides below 8 pixels; pad them first"),
    ],
)
def test_frames_that_do_not_fit_are_named(tiny_vae, shape, words):
    with pytest.raises(ShapeError) as caught:
        tiny_vae.encode(torch.zeros(shape))
    assert str(caught.value) == words


def test_a_stream_without_a_frame_is_refused(tiny_vae):
    with pytest.raises(ShapeError, match="a clip without a frame"):
        list(tiny_vae.decode_stream([]))


def test_a_stream_whose_size_changes_is_refused(tiny_vae):
    pieces = [torch.zeros(1, 3, 1, 16, 16), torch.zeros(1, 3, 4, 16, 24)]
    with pytest.raises(
        ShapeError, match=r"a piece of \(1, 3, 4, 16, 24\) follows pieces of \(1, 3, 0, 16, 16\)"
    ):
        list(tiny_vae.encode_stream(pieces))
