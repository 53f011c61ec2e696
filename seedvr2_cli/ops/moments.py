"""Mean and spread of a map's channels, gathered strip by strip, and the affine form that GroupNorm makes of
them."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Of `count` pixels: mean (C,) and m2 (C,), the sum of squared distances from it, in float32.

    Pieces are merged pairwise (Chan et al.): a plain sum of squares would lose the digits that a large mean
    takes.
    """

    count: int
    mean: Tensor
    m2: Tensor

    def merged(self, other: "Moments") -> "Moments":
        """The moments of both pieces together."""
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        m2 = self.m2 + other.m2 + apart.square() * (self.count * other.count / count)
        return Moments(count, mean, m2)

    def finite(self) -> bool:
        """False where any pixel was infinite or no number."""
        return bool(torch.isfinite(self.m2).all())


@dataclass(frozen=True)
class Norm:
    """The parameters of a GroupNorm, float32: weight and bias (C,), groups, eps."""

    weight: Tensor
    bias: Tensor
    groups: int
    eps: float

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Scale and shift (C,), float32, such that x * scale + shift is the normalised frame."""
        means = moments.mean.view(self.groups, -1)
        mean = means.mean(1, keepdim=True)
        within = (moments.m2 / moments.count).view(self.groups, -1).mean(1, keepdim=True)
        variance = within + (means - mean).square().mean(1, keepdim=True)
        scale = self.weight.view(self.groups, -1) * torch.rsqrt(variance + self.eps)
        shift = self.bias.view(self.groups, -1) - mean * scale
        return scale.flatten(), shift.flatten()
