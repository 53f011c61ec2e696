"""Rotations are the published ones, in float32 to the last bits."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from seedvr2_cli.dit.condition import sinusoid
from seedvr2_cli.dit.config import DiTConfig, Variant
from seedvr2_cli.dit.rope import frequencies, rotate, rotation, text_angles, window_angles

CONFIGS = {"3b": DiTConfig(), "7b": DiTConfig(Variant.B7, 3072, 24, 128, 36, 36, 5120)}
SIZES = {"a": (2, 3, 4), "b": (1, 1, 1), "c": (8, 15, 27)}
TEXT = 5


@pytest.fixture(scope="module")
def expected(dit_data: Path) -> dict[str, Tensor]:
    return load_file(dit_data / "rope.safetensors")


@pytest.mark.parametrize("variant", ["3b", "7b"])
@pytest.mark.parametrize("window", ["a", "b", "c"])
def test_angles_of_a_window(expected: dict[str, Tensor], variant: str, window: str) -> None:
    angles = window_angles(CONFIGS[variant], SIZES[window], TEXT).repeat_interleave(2, dim=1)
    if window == "c":
        angles = angles[expected["c.rows"]]
    off = (angles - expected[f"{variant}.{window}.video_angles"]).abs().max()
    assert off <= (1e-6 if variant == "3b" else 3e-5)


@pytest.mark.parametrize("variant", ["3b", "7b"])
def test_constants_and_rotated_queries(expected: dict[str, Tensor], variant: str) -> None:
    config = CONFIGS[variant]
    assert torch.equal(frequencies(config), expected[f"{variant}.freqs"])
    turned = rotate(expected["q"], rotation(config, window_angles(config, SIZES["a"], TEXT)))
    assert (turned - expected[f"{variant}.a.q_out"]).abs().max() <= 2e-6


def test_the_3b_turns_its_text_and_the_7b_does_not(expected: dict[str, Tensor]) -> None:
    angles = text_angles(CONFIGS["3b"], TEXT)
    assert angles is not None
    assert (angles.repeat_interleave(2, dim=1) - expected["3b.a.text_angles"]).abs().max() <= 1e-6
    turned = rotate(expected["text_k"], rotation(CONFIGS["3b"], angles))
    assert (turned - expected["3b.a.text_k_out"]).abs().max() <= 2e-6
    assert text_angles(CONFIGS["7b"], TEXT) is None


def test_the_time_is_the_fixtures(dit_data: Path) -> None:
    expected = json.loads((dit_data / "schedule.json").read_text())["sinusoid"]
    for t, values in zip(expected["t"], expected["values"], strict=True):
        assert (sinusoid(t) - torch.tensor(values)).abs().max() <= 1e-6
