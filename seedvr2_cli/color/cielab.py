"""sRGB to CIELAB (D65) and back, as the public code computes it."""

import torch
from torch import Tensor

_Matrix = tuple[tuple[float, float, float], ...]

_TO_XYZ: _Matrix = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_TO_RGB: _Matrix = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)
_WHITE = (0.95047, 1.0, 1.08883)
_BEND = 6 / 29  # of the cube root: below its cube it is a straight line
_SLOPE = (29 / 3) ** 3


def lab_of(frames: Tensor) -> Tensor:
    """Frames (N, 3, H, W) in [-1, 1], clamped, as L (0 to 100), a, b. Source: spec/dit.md 8."""
    x = frames.add(1).mul_(0.5).clamp_(0, 1)
    linear = torch.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
    xyz = _mixed(linear, _TO_XYZ, tuple(1 / white for white in _WHITE))
    f = torch.where(xyz > _BEND**3, xyz.clamp(min=0).pow(1 / 3), (_SLOPE * xyz + 16) / 116)
    fx, fy, fz = f.unbind(1)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], 1)


def frames_of(lab: Tensor) -> Tensor:
    """The way back; colors outside sRGB are clamped to [-1, 1]."""
    lightness, a, b = lab.unbind(1)
    fy = (lightness + 16) / 116
    f = torch.stack([a / 500 + fy, fy, fy - b / 200], 1)
    xyz = torch.where(f > _BEND, f**3, (116 * f - 16) / _SLOPE)
    linear = _mixed(xyz.mul_(xyz.new_tensor(_WHITE).view(3, 1, 1)), _TO_RGB)
    x = torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return x.clamp_(0, 1).mul_(2).sub_(1)


def _mixed(frames: Tensor, matrix: _Matrix, gains: tuple[float, ...] = (1, 1, 1)) -> Tensor:
    """Every pixel times the matrix, each row of it times its gain. By planes, without copies."""
    mixed = torch.empty_like(frames)
    for out, row, gain in zip(mixed.unbind(1), matrix, gains, strict=True):
        torch.mul(frames[:, 0], row[0] * gain, out=out)
        out.add_(frames[:, 1], alpha=row[1] * gain).add_(frames[:, 2], alpha=row[2] * gain)
    return mixed
