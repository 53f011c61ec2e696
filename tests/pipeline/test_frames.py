"""Pictures to tensors and back lose nothing but what is beyond [-1, 1]."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.pipeline.frames import Clip, to_pixels, to_tensor


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_value_comes_back(dtype):
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    picture = np.resize(values, (-(-len(values) // 64), 64, 3)).astype(dtype)
    x = to_tensor([picture], 1)
    assert (float(x.min()), float(x.max())) == (-1, 1)
    np.testing.assert_array_equal(to_pixels(x, (64, len(picture)), dtype)[0], picture)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 3))
def test_padding_is_cut_off_again(height, width, count):
    pictures = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    x = to_tensor(list(pictures), 8)
    assert x.shape[-1] % 8 == x.shape[-2] % 8 == 0
    np.testing.assert_array_equal(to_pixels(x, (width, height), np.uint8), pictures)


def test_values_round_half_to_even_and_stay_in_range():
    x = torch.tensor([-9.0, -1, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1, 0, 1, 9]).view(1, 1, 1, 1, 7)
    pixels = to_pixels(x.expand(1, 3, 1, 1, 7), (7, 1), np.uint8)
    assert pixels[0, 0, :, 0].tolist() == [0, 0, 0, 1, 128, 255, 255]


@given(st.integers(1, 30), st.sampled_from([1, 2, 4]))
def test_a_clip_is_filled_up_with_its_last_picture(frames, factor):
    pictures = [np.full((8, 8, 3), i, np.uint8) for i in range(frames)]
    clip = Clip(iter(pictures), factor, 8)
    shown = [to_pixels(x, (8, 8), np.uint8)[0, 0, 0, 0] for x in clip.tensors()]
    assert clip.count == frames
    assert (len(shown) - 1) % factor == 0
    assert shown == [min(i, frames - 1) for i in range(len(shown))]
