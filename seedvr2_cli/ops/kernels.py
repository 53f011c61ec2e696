"""What the engine needs of a device, and the plain form of it that runs everywhere.

Rows are (h, W, C), contiguous, channels last: a piece of one frame. All kernels take and give them.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops.moments import Moments


@dataclass(frozen=True)
class Packed:
    """A 2-D kernel as its back end wants it. columns: zero columns added on either side; rows get none."""

    weight: Tensor
    stride: int
    columns: int


class Kernels(Protocol):
    """One back end. dtype: the type of rows and weights; sums are held in float32 or better."""

    name: str
    device: torch.device

    def winograd_pays(self, channels: int, dtype: torch.dtype) -> bool:
        """Whether two convs of this many input channels cost more than the sums that save them."""
        ...

    def pack(self, weight: Tensor, dtype: torch.dtype, *, stride: int = 1, columns: int = 0) -> Packed:
        """weight: (O, I, kh, kw), any float type."""
        ...

    def conv(self, rows: Tensor, kernel: Packed, bias: Tensor | None = None) -> Tensor:
        """(h, W, I) -> (h', W', O), new memory. bias: (O,) float32."""
        ...

    def add_conv(self, total: Tensor, rows: Tensor, kernel: Packed) -> None:
        """total (h', W', O) += the conv of rows."""
        ...

    def norm_silu(self, rows: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> None:
        """out = silu(rows * scale + shift); scale, shift: (C,) float32; out: rows of a slot."""
        ...

    def moments(self, rows: Tensor) -> Moments:
        """The moments of each channel."""
        ...


class PlainKernels:
    """Plain torch, on any device and in any type: what the others are held against."""

    name = "torch"

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def winograd_pays(self, channels: int, dtype: torch.dtype) -> bool:
        return self.device.type == "cpu"  # untried elsewhere

    def pack(self, weight: Tensor, dtype: torch.dtype, *, stride: int = 1, columns: int = 0) -> Packed:
        placed = weight.to(self.device, dtype).contiguous(memory_format=torch.channels_last)
        return Packed(placed, stride, columns)

    def conv(self, rows: Tensor, kernel: Packed, bias: Tensor | None = None) -> Tensor:
        bias = bias.to(rows.dtype) if bias is not None else None
        out = F.conv2d(as_picture(rows), kernel.weight, bias, kernel.stride, (0, kernel.columns))
        return as_rows(out)

    def add_conv(self, total: Tensor, rows: Tensor, kernel: Packed) -> None:
        total.add_(self.conv(rows, kernel))

    def norm_silu(self, rows: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> None:
        out.copy_(F.silu(torch.addcmul(shift, rows, scale)))

    def moments(self, rows: Tensor) -> Moments:
        flat = rows.flatten(0, 1).float()
        variance, mean = torch.var_mean(flat, 0, correction=0)
        return Moments(len(flat), mean, variance * len(flat))


def as_picture(rows: Tensor) -> Tensor:
    """(h, W, C) -> (1, C, h, W), a view in channels-last memory."""
    return rows.permute(2, 0, 1).unsqueeze(0)


def as_rows(picture: Tensor) -> Tensor:
    """(1, C, h, W) -> (h, W, C), contiguous; a view where the picture is channels-last."""
    return picture.squeeze(0).permute(1, 2, 0).contiguous()
