"""The default method: what it takes from the input, and what it leaves to the model."""

import pytest
import torch

from seedvr2_cli.color.blur import low
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.color.transfer import color_stages, transfer

# BT.709: Y', Cb, Cr of R', G', B' (ITU-R BT.709-6, item 3)
YCBCR = torch.tensor(
    [
        [0.2126, 0.7152, 0.0722],
        [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.9278 / 1.8556],
        [0.7874 / 1.5748, -0.7152 / 1.5748, -0.0722 / 1.5748],
    ],
    dtype=torch.float64,
)


def frames(*shape, seed, spread=0.3):
    return (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * spread).clamp(-1, 1)


def mixed(matrix, pixels):
    return torch.einsum("ij,njhw->nihw", matrix, pixels.double())


def test_it_is_the_split_of_lightness_and_color_in_ycbcr():
    content, reference = (frames(2, 3, 136, 150, seed=seed, spread=0.1) for seed in (1, 2))
    kept, wanted = mixed(YCBCR, content), mixed(YCBCR, reference)
    split = torch.cat(
        [
            kept[:, i : i + 1] + low(wanted - kept, stages)[:, i : i + 1]
            for i, stages in ((0, 5), (1, 3), (2, 3))
        ],
        dim=1,
    )
    expected = mixed(torch.linalg.inv(YCBCR), split)
    assert (transfer(content, reference) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("drift", [(0.1, 0.1, 0.1), (0.2, -0.1, 0.05)])
def test_an_offset_of_the_whole_frame_is_taken_back(drift):
    reference = frames(1, 3, 40, 60, seed=1, spread=0.1)
    drifted = reference + torch.tensor(drift).view(3, 1, 1)
    assert (transfer(drifted, reference) - reference).abs().max() < 1e-6


def test_fine_lightness_is_the_models_and_coarse_color_the_inputs():
    reference = torch.zeros(1, 3, 160, 160)
    stripes = torch.zeros(1, 3, 160, 160)
    stripes[..., ::2] = 0.4  # a period of 2 pixels
    waves = torch.sin(torch.arange(160) * (2 * torch.pi / 40)).expand(1, 160, 160) * 0.4
    coarse = torch.stack([waves, -waves * 0.2126 / 0.7152, torch.zeros_like(waves)], 1)  # no lightness
    kept = transfer(stripes, reference)
    assert float(kept.std()) == pytest.approx(float(stripes.std()), rel=2e-3)
    assert transfer(coarse, reference).std() < 0.15 * coarse.std()


@pytest.mark.parametrize(
    ("scale", "stages"),
    [(0.5, 3), (1, 3), (2, 3), (2.8, 3), (3, 4), (4, 4), (5.6, 4), (6, 5), (8, 5), (32, 5)],
)
def test_the_more_the_input_was_enlarged_the_coarser_is_the_color_taken(scale, stages):
    assert color_stages(scale) == stages
    content, reference = (frames(1, 3, 130, 130, seed=seed, spread=0.1) for seed in (1, 2))
    assert torch.equal(
        Corrector(scale=scale).correct(content, reference), transfer(content, reference, scale)
    )


def test_the_result_stays_in_range():
    made = transfer(frames(1, 3, 30, 30, seed=1, spread=2), frames(1, 3, 30, 30, seed=2, spread=2))
    assert (float(made.min()), float(made.max())) == (-1, 1)
