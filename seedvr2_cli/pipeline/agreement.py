"""How close two decodings of the same latents are."""

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from seedvr2_cli.compare.metrics import Tally
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.pipeline.frames import to_pixels

LEVELS = 127.5  # of 8 bits, for each unit of [-1, 1]


@dataclass(frozen=True)
class Agreement:
    """psnr: dB with peak 2 on frames clamped to [-1, 1], pooled, infinite for equal ones; ssim: of 8-bit
    frames; largest: the largest error in 8-bit levels, at (frame, y, x)."""

    psnr: float
    ssim: float | None
    largest: float
    place: tuple[int, int, int]


def psnr_of(reference: Tensor, other: Tensor) -> float:
    """dB of frames (1, 3, T, H, W), as Agreement has it."""
    squares = float((other.clamp(-1, 1) - reference.clamp(-1, 1)).double().square().mean())
    return 10 * math.log10(4 / squares) if squares else math.inf


def agreement(reference: Tensor, other: Tensor) -> Agreement:
    """Of frames (1, 3, T, H, W)."""
    difference = (other.clamp(-1, 1) - reference.clamp(-1, 1)).abs()[0].amax(0)
    _, height, width = difference.shape
    at = int(difference.flatten().argmax())
    tally = Tally()
    for a, b in zip(pictures(reference), pictures(other), strict=True):
        tally.add(a, b)
    return Agreement(
        psnr=psnr_of(reference, other),
        ssim=tally.score().ssim,
        largest=float(difference.max()) * LEVELS,
        place=(at // (height * width), at // width % height, at % width),
    )


def pictures(frames: Tensor) -> Pixels:
    """Frames (1, 3, T, H, W) as (T, H, W, 3) in 8 bits."""
    return to_pixels(frames, (frames.shape[-1], frames.shape[-2]), np.uint8)
