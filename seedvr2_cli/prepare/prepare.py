"""Pictures as they were read, to frames as the model takes them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seedvr2_cli.plan.padding import Padding
from seedvr2_cli.prepare.pad import pad
from seedvr2_cli.prepare.resize import resize

Picture = NDArray[np.uint8] | NDArray[np.uint16]


def prepare(pictures: Sequence[Picture], padding: Padding, device: torch.device) -> Tensor:
    """Pictures (H, W, 3) of one size as (T, 3, H', W') float32 in [-1, 1], resized to padding.size, padded.

    The picture in it (`crop`) is also the reference for the restored frames' color. For the VAE, which takes
    (1, 3, T, H', W'), it is `.transpose(0, 1)[None]`. Pictures are independent of each other: any pieces of a
    clip give the clip.
    """
    return pad(resize(unit_frames(pictures).to(device), padding.size), padding)


def unit_frames(pictures: Sequence[Picture]) -> Tensor:
    """Pictures (H, W, C), uint8 or uint16, as (T, C, H, W) float32 in [0, 1]; every value stays distinct."""
    height, width, channels = pictures[0].shape
    values = np.empty((len(pictures), channels, height, width), np.float32)
    for picture, planes in zip(pictures, values, strict=True):
        planes[:] = picture.transpose(2, 0, 1)
    values /= np.iinfo(pictures[0].dtype).max  # in numpy: torch's threads would wait beside those of ffmpeg
    return torch.from_numpy(values)
