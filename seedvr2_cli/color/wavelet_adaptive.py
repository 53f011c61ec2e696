"""The wavelet split, and the match of saturation where the content is too saturated."""

import torch
from torch import Tensor

from seedvr2_cli.color.hsv import hsv, saturation_of
from seedvr2_cli.color.wavelet import wavelet

STEEPNESS, MIDDLE = 5.0, 0.15  # of the content's excess in saturation
LEAST_EXCESS = 0.075  # that the wavelet split must leave


def wavelet_adaptive(content: Tensor, reference: Tensor) -> Tensor:
    """Frames (N, 3, H, W) in [-1, 1]; as in `hsv`, every frame depends on all. Source: spec/dit.md 8."""
    split = wavelet(content, reference)
    wanted = saturation_of(reference)
    share = torch.sigmoid(STEEPNESS * (saturation_of(content) - wanted - MIDDLE))
    share *= saturation_of(split) - wanted > LEAST_EXCESS
    return torch.lerp(split, hsv(content, reference), share[:, None])
