"""The default: lightness below 13 pixels, and color below 1.6 pixels of the input, from the reference.

The model invents lightness detail, which is wanted, and color, which is not: it saturates, and drifts from
frame to frame. So the input's color is kept down to finer structures than its lightness is; how fine depends
on how much it was enlarged, since chroma subsampling and compression leave little in its last pixel. There is
no histogram: every frame stands for itself. Measured in docs/numerics.md.
"""

import math

import torch
from torch import Tensor

from seedvr2_cli.color.blur import low

LIGHTNESS_STAGES = 5
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722  # BT.709


def transfer(content: Tensor, reference: Tensor, scale: float = 2.0) -> Tensor:
    """Frames (N, 3, H, W) in [-1, 1], each by itself; clamped to [-1, 1]. scale: output pixels per input's.

    Y' and the color differences R' - Y', B' - Y' are linear in R'G'B', and so is the blur: the difference of
    the pictures is split, blurred, and added to the content.
    """
    red, green, blue = (reference - content).unbind(1)
    light = (_RED * red).add_(green, alpha=_GREEN).add_(blue, alpha=_BLUE)
    colors = low(torch.stack([red - light, blue - light], 1), color_stages(scale))
    light = low(light, LIGHTNESS_STAGES)
    red_less_light, blue_less_light = colors.unbind(1)
    corrected = content + light[:, None]
    corrected[:, 0] += red_less_light
    corrected[:, 1].sub_(red_less_light, alpha=_RED / _GREEN).sub_(blue_less_light, alpha=_BLUE / _GREEN)
    corrected[:, 2] += blue_less_light
    return corrected.clamp_(-1, 1)


def color_stages(scale: float) -> int:
    """Stages of blur for color: 3 (3.2 pixels) up to about x2.8, 4 (6.5) to x5.6, then 5 (13)."""
    return min(LIGHTNESS_STAGES, max(3, 2 + round(math.log2(scale))))
