"""Adaptive instance normalisation: mean and spread of every channel from the reference."""

from torch import Tensor

EPSILON = 1e-5


def adain(content: Tensor, reference: Tensor) -> Tensor:
    """Frames (N, 3, H, W), each by itself; not clamped. Source: spec/dit.md 8."""
    mean, spread = _moments(content)
    wanted_mean, wanted_spread = _moments(reference)
    return (content - mean).div_(spread).mul_(wanted_spread).add_(wanted_mean)


def _moments(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (N, 3, 1, 1) over the pixels."""
    variance = frames.var((2, 3), keepdim=True, correction=1)
    return frames.mean((2, 3), keepdim=True), (variance + EPSILON).sqrt_()
