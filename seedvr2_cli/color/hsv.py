"""Saturation by hue: in each of 12 hues, the histogram of saturation from the reference."""

import torch
from torch import Tensor

from seedvr2_cli.color.ranks import match_ranks

HUES = 12
LEAST_PIXELS = 100  # a hue with no more in either picture is left alone
_ZERO = 1e-10


def hsv(content: Tensor, reference: Tensor) -> Tensor:
    """Frames (N, 3, H, W) in [-1, 1]; histograms are of all frames together, so the result depends on which.

    The last hue is matched twice, as in the public code: the first takes its pixels too.
    Source: spec/dit.md 8.
    """
    hue, saturation, value = _hsv_of(content)
    wanted_hue, wanted, _ = _hsv_of(reference)
    matched = saturation.clone()
    for number in range(HUES):
        inside, wanted_inside = _of_hue(hue, number), _of_hue(wanted_hue, number)
        if min(int(inside.sum()), int(wanted_inside.sum())) > LEAST_PIXELS:
            matched[inside] = match_ranks(saturation[inside], wanted[wanted_inside])
    return _frames_of(hue, matched, value)


def saturation_of(frames: Tensor) -> Tensor:
    """Saturation (N, H, W) in [0, 1] of frames (N, 3, H, W) in [-1, 1]."""
    return _hsv_of(frames)[1]


def _of_hue(hue: Tensor, number: int) -> Tensor:
    inside = (hue >= number / HUES) & (hue < (number + 1) / HUES)
    return inside | (hue >= (HUES - 1) / HUES) if number == 0 else inside


def _hsv_of(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value, each (N, H, W) in [0, 1]; of equal channels the later gives the hue."""
    x = frames.add(1).mul_(0.5).clamp_(0, 1)
    red, green, blue = x.unbind(1)
    value, least = x.amax(1), x.amin(1)
    spread = value - least
    colored = spread > _ZERO
    safe = torch.where(colored, spread, 1)
    hue = torch.where(value == red, ((green - blue) / safe).remainder(6), 0)
    hue = torch.where(value == green, (blue - red) / safe + 2, hue)
    hue = torch.where(value == blue, (red - green) / safe + 4, hue)
    hue = torch.where(colored, hue, 0).div_(6)
    saturation = torch.where(value > _ZERO, spread / torch.where(value > _ZERO, value, 1), 0)
    return hue, saturation, value


def _frames_of(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The way back, to [-1, 1]."""
    sector = (hue * 6).floor()
    fraction = hue * 6 - sector
    sector = sector.remainder(6)
    p = value * (1 - saturation)
    q = value * (1 - saturation * fraction)
    t = value * (1 - saturation * (1 - fraction))
    channels = [(value, q, p, p, t, value), (t, value, value, q, p, p), (p, p, t, value, value, q)]
    x = torch.stack([_chosen(sector, by_sector) for by_sector in channels], 1)
    return x.clamp_(0, 1).mul_(2).sub_(1)


def _chosen(sector: Tensor, by_sector: tuple[Tensor, ...]) -> Tensor:
    """Of six planes, at every pixel the one of its sector."""
    chosen = by_sector[0]
    for number, plane in enumerate(by_sector[1:], 1):
        chosen = torch.where(sector == number, plane, chosen)
    return chosen
