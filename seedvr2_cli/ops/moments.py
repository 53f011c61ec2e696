"""Mean and spread of a map's channels, gathered strip by strip, and the affine form that GroupNorm makes of
them."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Norm:
    """The parameters of a GroupNorm, float32: weight and bias (C,), groups, eps."""

    weight: Tensor
    bias: Tensor
    groups: int
    eps: float

    def peak(self, sigmas: float) -> Tensor:
        """(C,): what silu of the norm's result stays below where no value is further than sigmas from the
        mean."""
        return self.weight.abs() * sigmas + self.bias.abs()


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

    def affine(self, norm: Norm) -> tuple[Tensor, Tensor]:
        """Scale and shift (C,), float32, such that x * scale + shift is the normalised frame."""
        means = self.mean.view(norm.groups, -1)
        mean = means.mean(1, keepdim=True)
        within = (self.m2 / self.count).view(norm.groups, -1).mean(1, keepdim=True)
        variance = within + (means - mean).square().mean(1, keepdim=True)
        scale = norm.weight.view(norm.groups, -1) * torch.rsqrt(variance + norm.eps)
        shift = norm.bias.view(norm.groups, -1) - mean * scale
        return scale.flatten(), shift.flatten()
