"""Antialiased bicubic resize in float32."""

import torch
from torch import Tensor
from torch.nn import functional

from seedvr2_cli.base.errors import ShapeError


def resize(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Frames (T, C, H, W) in [0, 1] as (T, C, height, width), clamped to [0, 1]; size: (width, height).

    Frames that have the size already are returned as they are. Raises ShapeError for anything that is not
    float32: 16-bit floats have one 8-bit level between neighbours above 0.5 (spec/dit.md 6).
    """
    if frames.dtype != torch.float32 or frames.dim() != 4:
        raise ShapeError(f"a resize of {frames.dtype} {tuple(frames.shape)}, not of float32 (T, C, H, W)")
    width, height = size
    if frames.shape[2:] == (height, width):
        return frames
    resized = frames.new_empty((*frames.shape[:2], height, width))
    for frame, out in zip(frames.split(1), resized.split(1), strict=True):  # memory beside: of one frame
        torch.clamp(cubic(frame, size), 0, 1, out=out)
    return resized


def cubic(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """The filter alone: frames (T, C, H, W) as (T, C, height, width), with its overshoot."""
    # torch's cubic has a = -0.5 where it is antialiased, and -0.75 where it is not
    return functional.interpolate(
        frames.contiguous(), (size[1], size[0]), mode="bicubic", antialias=True, align_corners=False
    )
