"""Wavelet split, then histograms of CIELAB from the reference: the public tools' default."""

from torch import Tensor

from seedvr2_cli.color.cielab import frames_of, lab_of
from seedvr2_cli.color.ranks import match_ranks
from seedvr2_cli.color.wavelet import wavelet

KEPT_LIGHTNESS = 0.8  # of the content's; the rest is matched


def lab(content: Tensor, reference: Tensor) -> Tensor:
    """Frames (N, 3, H, W) in [-1, 1]; histograms are of all frames together, so the result depends on which.

    Source: spec/dit.md 8.
    """
    restored = lab_of(wavelet(content, reference))
    wanted = lab_of(reference)
    lightness, *colors = restored.unbind(1)
    matched = match_ranks(lightness, wanted[:, 0])
    lightness.mul_(KEPT_LIGHTNESS).add_(matched, alpha=1 - KEPT_LIGHTNESS)
    for channel, color in enumerate(colors, 1):
        color.copy_(match_ranks(color, wanted[:, channel]))
    return frames_of(restored)
