"""What is measured on: noise, the same every time."""

import torch
from torch import Tensor

from seedvr2_cli.plan.slices import latent_count
from seedvr2_cli.vae.config import VAEConfig


def noise_clip(config: VAEConfig, size: tuple[int, int], frames: int) -> tuple[Tensor, Tensor]:
    """Frames (1, 3, T, H, W) in [-1, 1] and latents for as many. size: (width, height)."""
    width, height = size
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((1, config.in_channels, frames, height, width), generator=generator) * 2 - 1
    latents = latent_count(frames, config.temporal_factor)
    factor = config.spatial_factor
    shape = (1, config.latent_channels, latents, height // factor, width // factor)
    return x, torch.randn(shape, generator=generator)
