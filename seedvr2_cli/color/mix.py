"""The restoration and the resized input, mixed by frequency band."""

import torch
from torch import Tensor

from seedvr2_cli.color.blur import low
from seedvr2_cli.color.strength import Strength

LOW_STAGES = 5  # LOW: below 13 pixels
MID_STAGES = 3  # MID: from there to 3.2 pixels; HIGH: what is finer


def mix(strength: Strength, restored: Tensor, reference: Tensor) -> Tensor:
    """Frames (N, 3, H, W) of both; at 1 the restored ones as they are, at 0 the reference."""
    if strength.low == strength.mid == strength.high:
        return restored if strength.high == 1 else torch.lerp(reference, restored, strength.high)
    change = restored - reference
    mixed = reference + strength.high * change
    mixed.add_(low(change, MID_STAGES), alpha=strength.mid - strength.high)
    return mixed.add_(low(change, LOW_STAGES), alpha=strength.low - strength.mid)
