"""Padding beside and below the picture, in the model's range, and the crop that undoes it."""

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.plan.padding import Padding

BLACK = -1.0


def pad(frames: Tensor, padding: Padding) -> Tensor:
    """Frames (T, C, H, W) in [0, 1] as (T, C, H', W') in [-1, 1]: columns are reflected first, then rows.

    Raises ShapeError where the frames are not of the padding's size.
    """
    width, height = padding.size
    if frames.shape[2:] != (height, width):
        raise ShapeError(f"frames of {tuple(frames.shape)} for the padding of {width}x{height}")
    columns, rows = padding.padded
    across, down = width + padding.reflected[0], height + padding.reflected[1]
    padded = frames.new_empty((*frames.shape[:2], rows, columns))
    torch.mul(frames, 2, out=padded[:, :, :height, :width]).sub_(1)
    if across > width:
        sources = torch.tensor(padding.reflected_columns(), device=frames.device)
        padded[:, :, :height, width:across] = padded[:, :, :height, :width].index_select(3, sources)
    if down > height:
        sources = torch.tensor(padding.reflected_rows(), device=frames.device)
        padded[:, :, height:down] = padded[:, :, :height].index_select(2, sources)
    padded[:, :, down:] = BLACK
    padded[:, :, :, across:] = BLACK
    return padded


def crop(frames: Tensor, padding: Padding) -> Tensor:
    """The picture in padded frames (..., H', W'): a view of (..., H, W)."""
    width, height = padding.size
    return frames[..., :height, :width]
