"""The wavelet split: what lies below 13 pixels from the reference, the rest from the content."""

from torch import Tensor

from seedvr2_cli.color.blur import low

STAGES = 5


def wavelet(content: Tensor, reference: Tensor) -> Tensor:
    """Frames (N, 3, H, W) in [-1, 1], each by itself. The blur is linear, so one of the difference is enough.

    Source: spec/dit.md 8.
    """
    return low(reference - content, STAGES).add_(content).clamp_(-1, 1)
