"""What training minimises: squared error, SSIM, and the spread of the latents."""

import torch
from torch import Tensor
from torch.nn import functional as F

FLOOR = 1e-4  # mean squared error in [-1, 1] below which a clip needs no more of the weight (46 dB)
USUAL = 6e-3  # mean squared error of a usual clip (28 dB)
STRUCTURE, SPREAD = 0.3, 0.05  # weights beside the squared error
WINDOW = 7
C1, C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # for samples of -1 to 1
LUMA = (0.299, 0.587, 0.114)


def reconstruction(result: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T, H, W, 3) each -> the loss, and the mean squared error of each clip.

    The logarithm gives clips of all grades a say, as decibels of single clips do; the plain mean stands for
    the pooled error.
    """
    error = (result - truth).square().mean((1, 2, 3, 4))
    pixels = 0.5 * (error + FLOOR).log().mean() + 0.5 * (error / USUAL).mean()
    return pixels + STRUCTURE * (1 - _ssim(_luma(result), _luma(truth))), error.detach()


def spread(mean: Tensor, wanted: float) -> Tensor:
    """How far the latents (B, t, h, w, z) are from mean 0 and standard deviation `wanted` in each channel."""
    flat = mean.flatten(0, -2) / wanted
    return SPREAD * ((flat.std(0) - 1).square() + flat.mean(0).square()).mean()


def _luma(x: Tensor) -> Tensor:
    return (x.flatten(0, 1) @ x.new_tensor(LUMA)).unsqueeze(1)


def _ssim(a: Tensor, b: Tensor) -> Tensor:
    ab = torch.cat([a, b, a * a, b * b, a * b], 1)
    mean_a, mean_b, square_a, square_b, product = F.avg_pool2d(ab, WINDOW, 2).unbind(1)
    variance = square_a + square_b - mean_a * mean_a - mean_b * mean_b
    covariance = product - mean_a * mean_b
    light = (2 * mean_a * mean_b + C1) / (mean_a * mean_a + mean_b * mean_b + C1)
    return (light * (2 * covariance + C2) / (variance + C2)).mean()
