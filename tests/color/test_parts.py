"""Blur, ranks and color spaces against their plain forms."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from seedvr2_cli.color import blur
from seedvr2_cli.color.blur import low
from seedvr2_cli.color.cielab import frames_of, lab_of
from seedvr2_cli.color.hsv import saturation_of
from seedvr2_cli.color.ranks import match_ranks


def random_frames(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def plain_low(frames, stages):
    """A convolution for every stage, as spec/dit.md 8 has it."""
    height, width = frames.shape[-2:]
    kernel = torch.tensor([1.0, 2, 1])
    kernel = (kernel[:, None] * kernel / 16).double()[None, None]
    planes = frames.double().reshape(-1, 1, height, width)
    for stage in range(stages):
        radius = min(2**stage, max(1, min(height, width) // 8))
        padded = functional.pad(planes, [radius] * 4, mode="replicate")
        planes = functional.conv2d(padded, kernel, dilation=radius)
    return planes.view_as(frames)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 5), st.sampled_from([64, 1 << 17]))
def test_the_blur_in_pieces_is_the_plain_one(height, width, stages, band):
    frames = random_frames(2, 3, height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blur, "_BAND", band)
        made = low(frames, stages)
    assert (made.double() - plain_low(frames, stages)).abs().max() < 1e-6


def test_tensors_are_blurred_as_arrays_are():
    """On a GPU there are no pieces."""
    frames = random_frames(2, 3, 70, 90)
    blurred = frames.clone()
    for view in (blurred.mT, blurred):
        blur._blur_down(view, [1, 2, 4, 8, 8])
    assert torch.equal(blurred, low(frames, 5))


@pytest.mark.parametrize("size", [(150, 170), (40, 8)])
def test_frames_that_do_not_lie_in_order_are_blurred_as_copies_are(size):
    frames = random_frames(1, *size, 3).permute(0, 3, 1, 2)
    before = frames.clone()
    assert torch.equal(low(frames, 5), low(frames.contiguous(), 5))
    assert torch.equal(frames, before)


def test_ranks_are_matched_in_order_and_equal_values_stay_in_theirs():
    source = torch.tensor([3.0, -1, -0.0, 0.0, -2])
    assert match_ranks(source, torch.tensor([50.0, 10, 20, 30, 40])).tolist() == [50, 20, 30, 40, 10]


def test_of_unequal_counts_the_reference_is_thinned_or_repeated():
    """Rank j of n becomes rank floor(j (m - 1) / (n - 1)) of m."""
    assert match_ranks(torch.arange(3.0), torch.arange(6.0)).tolist() == [0, 2, 5]
    assert match_ranks(torch.arange(5.0), torch.arange(2.0)).tolist() == [0, 0, 0, 0, 1]
    assert match_ranks(torch.tensor([7.0]), torch.arange(3.0)).tolist() == [0]


@given(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 1e-30, 0.25, 7.0]), min_size=1, max_size=50))
def test_the_sort_by_integers_is_torchs_stable_one(values):
    source = torch.tensor(values)
    reference = torch.arange(float(len(values)))
    expected = torch.empty_like(source)
    expected[source.sort(stable=True).indices] = reference
    assert torch.equal(match_ranks(source, reference), expected)


def test_cielab_has_the_known_colors_and_comes_back():
    colors = torch.tensor([[1.0, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, -1, 1]]).view(4, 3, 1, 1)
    known = torch.tensor([[100.0, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]])
    assert (lab_of(colors).view(4, 3) - known).abs().max() < 0.01
    frames = random_frames(1, 3, 20, 20)
    assert (frames_of(lab_of(frames)) - frames).abs().max() < 1e-4


def test_saturation_is_1_for_pure_colors_and_0_for_grays():
    frames = torch.tensor([[1.0, -1, -1], [0, -1, -1], [0.5, 0.5, 0.5], [-1, -1, -1]]).view(4, 3, 1, 1)
    assert saturation_of(frames).flatten().tolist() == [1, 1, 0, 0]
