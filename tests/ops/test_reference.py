"""The engine's plain operators are the model's layers: a causal conv, and an upsampler before folding."""

import pytest
import torch
from torch.nn import functional as F

from seedvr2_cli.ops import reference
from seedvr2_cli.ops.contracts import ChannelSums


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def as_slots(frames: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """(1, C, T, H, W) -> one slot a frame."""
    rows = F.pad(frames, (0, 0, 1, 1))[0]
    return tuple(frame.permute(1, 2, 0).contiguous() for frame in rows.unbind(1))


@pytest.mark.parametrize("slot_count", [1, 2, 3])
def test_a_conv_of_slots_is_the_causal_conv_at_each_place_of_a_clip(slot_count):
    frames, weight, bias = random(1, 4, slot_count, 5, 7), random(6, 4, 3, 3, 3, seed=1), random(6, seed=2)
    history = [frames[:, :, :1]] * (3 - slot_count)
    expected = F.conv3d(torch.cat([*history, frames], 2), weight, bias, padding=(0, 1, 1))
    merged = reference.merge_taps(weight, slot_count)
    assert merged.shape[2] == slot_count
    got = reference.conv3x3x3(as_slots(frames), merged, bias)
    torch.testing.assert_close(got, expected[0, :, 0].permute(1, 2, 0))


def test_the_phases_of_a_folded_upsampler_are_expansion_shuffle_and_conv():
    """Spatial only; folded here tap by tap, as in spec/vae.md 1.8 c."""
    c, frames = 3, random(1, 3, 3, 4, 5)
    expand, expand_bias = random(4 * c, c, seed=1), random(4 * c, seed=2)
    kernel, kernel_bias = random(c, c, 3, 3, 3, seed=3), random(c, seed=4)
    high = torch.einsum("ok,bkthw->bothw", expand, frames) + expand_bias[:, None, None, None]
    high = high.reshape(1, 2, 2, c, 3, 4, 5).permute(0, 3, 4, 5, 1, 6, 2).reshape(1, c, 3, 8, 10)
    expected = F.conv3d(high, kernel, kernel_bias, padding=(0, 1, 1))[0, :, 0].permute(1, 2, 0)

    weight, bias = fold(expand.reshape(2, 2, c, c), expand_bias.reshape(2, 2, c), kernel, kernel_bias)
    torch.testing.assert_close(reference.conv_phases(as_slots(frames), weight, bias), expected)


def fold(expand, expand_bias, kernel, kernel_bias):
    """Weights (2, 2, c, c, 3, 2, 2) and bias (2, 2, 3, 3, c) of the four phases."""
    c = len(kernel_bias)
    weight = torch.zeros(2, 2, c, c, 3, 2, 2, dtype=torch.float64)
    bias = kernel_bias.expand(2, 2, 3, 3, c).clone()
    for ay, ax, row, column in torch.cartesian_prod(*[torch.arange(n) for n in (2, 2, 3, 3)]).tolist():
        (dy, py), (dx, px) = divmod(ay + row - 1, 2), divmod(ax + column - 1, 2)
        taps = kernel[:, :, :, row, column]
        folded = torch.einsum("omt,mi->oit", taps, expand[py, px])
        weight[ay, ax, :, :, :, dy + 1 - ay, dx + 1 - ax] += folded
        constant = taps.sum(2) @ expand_bias[py, px]
        for y in range(3):
            for x in range(3):
                outside = (y, row) in ((0, 0), (2, 2)) or (x, column) in ((0, 0), (2, 2))
                bias[ay, ax, y, x] += 0 if outside else constant
    return weight, bias


def test_sums_of_strips_merge_to_those_of_the_frame():
    x = (random(9, 4, 5) / 10 + 30).float()
    merged = reference.frame_sums(x[:2]).merge(reference.frame_sums(x[2:]))
    whole = reference.frame_sums(x)
    assert isinstance(merged, ChannelSums)
    assert merged.count == whole.count == 36
    torch.testing.assert_close(merged.total, whole.total)
    torch.testing.assert_close(merged.m2, whole.m2, rtol=1e-4, atol=0)
