"""What the encoder returns: a Gaussian per latent value."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

LOGVAR_MIN, LOGVAR_MAX = -30.0, 20.0  # spec/vae.md 1.7


@dataclass(frozen=True)
class Posterior:
    """mean, logvar: (B, C, T, h, w) float32, unscaled; logvar within [-30, 20]. The latent is the mean."""

    mean: Tensor
    logvar: Tensor

    @classmethod
    def from_moments(cls, moments: Tensor) -> Self:
        """Split the encoder's 2C channels into mean and logvar."""
        mean, logvar = moments.float().chunk(2, dim=1)
        return cls(mean.contiguous(), logvar.clamp(LOGVAR_MIN, LOGVAR_MAX).contiguous())

    @property
    def std(self) -> Tensor:
        """Standard deviation, the shape of mean."""
        return torch.exp(0.5 * self.logvar)

    @property
    def var(self) -> Tensor:
        """Variance, the shape of mean."""
        return torch.exp(self.logvar)

    def mode(self) -> Tensor:
        """The most likely latent: the mean."""
        return self.mean

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A random latent, with the generator's noise (on the generator's device)."""
        device = generator.device if generator is not None else self.mean.device
        noise = torch.randn(self.mean.shape, generator=generator, device=device)
        return self.mean + self.std * noise.to(self.mean.device)
