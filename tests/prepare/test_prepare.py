"""Preparation gives the published tools' numbers where the sizes are theirs, and cuts back exactly."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.choices import Pad
from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.plan.padding import padding_of
from seedvr2_cli.plan.target import Target
from seedvr2_cli.prepare.pad import crop, pad
from seedvr2_cli.prepare.prepare import prepare, unit_frames
from seedvr2_cli.prepare.resize import cubic, resize
from tests.prepare.published import published

CPU = torch.device("cpu")
TOLERANCE = 1e-5  # fixtures/dit/README.md


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        # under a cap they resize twice, and clamp once
        ("prepare_max", [(108, 48), (96, 43)]),
        pytest.param("prepare_up", [(91, 64)], marks=pytest.mark.shared),
        pytest.param("prepare_down", [(32, 52)], marks=pytest.mark.shared),
    ],
)
def test_the_public_preparation_is_resizes_and_black_at_the_right_and_bottom(name, steps, data, shared):
    fixture = published(name, data, shared)
    frames = unit_frames(list(fixture.tensors["frames"].numpy()))
    for size in steps[:-1]:
        frames = cubic(frames, size)
    frames = resize(frames, steps[-1])
    padding = padding_of(steps[-1], Pad.BLACK)
    assert padding.padded == tuple(reversed(json.loads(fixture.metadata["padded_size"])))
    made = pad(frames, padding)
    assert (made.transpose(0, 1) - fixture.tensors["out"]).abs().max() <= TOLERANCE


@pytest.mark.shared
def test_the_original_preparation_is_a_resize_by_area_and_a_crop_of_the_middle(data, shared):
    fixture = published("prepare_area_crop", data, shared)
    frames = unit_frames(list(fixture.tensors["frames"].numpy()))
    side = int(fixture.metadata["area_side"])
    scale = (side**2 / (37 * 53)) ** 0.5
    height, width = round(37 * scale), round(53 * scale)
    resized = resize(frames, (width, height))
    rows, columns = height // 16 * 16, width // 16 * 16
    top, left = round((height - rows) / 2), round((width - columns) / 2)
    middle = resized[:, :, top : top + rows, left : left + columns] * 2 - 1
    assert (middle.transpose(0, 1) - fixture.tensors["out"]).abs().max() <= TOLERANCE


def test_ours_is_one_resize_to_the_exact_size_and_the_padding_of_spec_6(data, shared):
    """Where the public tools resize twice to 96 x 43, and cut their result to 96 x 42."""
    fixture = published("prepare_max", data, shared)
    pictures = list(fixture.tensors["frames"].numpy())
    size = Target(resolution=48, max_resolution=96).size_of((90, 40))
    assert size == (96, 43)
    made = prepare(pictures, padding_of(size), CPU)
    assert made.shape == (1, 3, 80, 96)
    once = resize(unit_frames(pictures), size)
    assert torch.equal(made[:, :, :43], once * 2 - 1)
    assert torch.equal(made[:, :, 43:64], made[:, :, list(range(41, 20, -1))])
    assert (made[:, :, 64:] == -1).all()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 3), st.sampled_from(Pad))
def test_what_is_padded_is_cut_back_exactly(width, height, count, rule):
    frames = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(width))
    padding = padding_of((width, height), rule)
    padded = pad(frames, padding)
    assert padded.shape == (count, 3, *reversed(padding.padded))
    assert -1 <= float(padded.min()) <= float(padded.max()) <= 1
    assert torch.equal(crop(padded, padding), frames * 2 - 1)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_any_pieces_of_a_clip_give_the_frames_of_the_whole(lengths):
    pictures = list(np.random.default_rng(0).integers(0, 256, (sum(lengths), 9, 13, 3), np.uint8))
    padding = padding_of((26, 18))
    ends = np.cumsum(lengths)
    pieces = [prepare(pictures[end - n : end], padding, CPU) for n, end in zip(lengths, ends, strict=True)]
    assert torch.equal(torch.cat(pieces), prepare(pictures, padding, CPU))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_value_of_8_and_16_bits_stays_distinct_and_comes_back(dtype):
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    picture = np.broadcast_to(values.reshape(-1, 64, 1), (len(values) // 64, 64, 3))
    frames = unit_frames([picture])
    assert (float(frames.min()), float(frames.max())) == (0, 1)
    assert frames.unique().numel() == len(values)
    assert torch.equal(
        (frames[0, 0].double() * values[-1]).round().flatten(), torch.from_numpy(values.astype(float))
    )


def test_a_resize_to_the_same_size_is_the_frames_themselves():
    frames = torch.rand(2, 3, 5, 7)
    assert resize(frames, (7, 5)) is frames


def test_overshoot_of_the_cubic_is_clamped_and_one_channel_is_enough():
    """Alpha planes go the same way as colors."""
    edge = torch.zeros(1, 1, 8, 8)
    edge[..., 4:] = 1
    wide = resize(edge, (32, 32))
    assert (float(wide.min()), float(wide.max())) == (0, 1)


def test_values_of_16_bits_and_frames_of_another_size_are_refused():
    with pytest.raises(ShapeError, match=r"a resize of torch.float16 \(1, 3, 4, 4\), not of float32"):
        resize(torch.zeros(1, 3, 4, 4, dtype=torch.float16), (8, 8))
    with pytest.raises(ShapeError) as error:
        pad(torch.zeros(1, 3, 4, 4), padding_of((5, 4)))
    assert str(error.value) == "frames of (1, 3, 4, 4) for the padding of 5x4"
