"""Rotary embeddings: where a token stands in its window, as a rotation of its queries and keys.

Constants and angles are float32 whatever a file holds or the layers compute in: the 7B's reach 402 radians,
so that every rounding of them is an error of phase. Source: spec/dit.md 2.7, 3 and 9.2.
"""

import math

import torch
from torch import Tensor

from seedvr2_cli.dit.config import DiTConfig, Variant
from seedvr2_cli.dit.windows import Grid

_BASE = 10_000.0
_MAX_FREQUENCY = 128.0
_AXES = 3


def frequencies(config: DiTConfig) -> Tensor:
    """The constants of one axis: (n,) float32, radians a token (3B) or half a window (7B)."""
    if config.variant is Variant.B3:
        width = config.head_dim // _AXES
        return 1.0 / _BASE ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    return torch.linspace(1.0, _MAX_FREQUENCY, config.head_dim // 2 // _AXES // 2) * math.pi


def window_angles(config: DiTConfig, size: Grid, text: int) -> Tensor:
    """Angles of the tokens of a window, (tokens, pairs) float32, in the order t, h, w.

    text: tokens of it; the 3B counts time on from there.
    """
    if config.variant is Variant.B3:
        first = (text, 0, 0)
        places = [torch.arange(n, dtype=torch.float32) + at for n, at in zip(size, first, strict=True)]
    else:
        places = [torch.linspace(-1.0, 1.0, n) for n in size]
    return _angles(config, torch.cartesian_prod(*places).view(-1, _AXES))


def text_angles(config: DiTConfig, text: int) -> Tensor | None:
    """Angles of text tokens, (text, pairs) float32; None for the 7B, which does not rotate them."""
    if config.variant is Variant.B7:
        return None
    return _angles(config, torch.arange(text, dtype=torch.float32)[:, None].expand(-1, _AXES))


def rotation(config: DiTConfig, angles: Tensor) -> Tensor:
    """The angles as complex numbers of length 1, (tokens, head_dim / 2); pairs beyond the angles stay put."""
    still = torch.zeros(len(angles), config.head_dim // 2 - angles.shape[1])
    turned = torch.cat([angles, still], dim=1)
    return torch.complex(turned.cos(), turned.sin())


def rotate(x: Tensor, by: Tensor) -> Tensor:
    """Turn neighbouring channels. x: (..., tokens, heads, head_dim) float32; by: (tokens, head_dim / 2)."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * by[:, None, :]).flatten(-2)


def _angles(config: DiTConfig, places: Tensor) -> Tensor:
    """places: (tokens, 3), one number for each axis."""
    return (places[:, :, None] * frequencies(config)).flatten(1)
