"""The layers of the video VAE, plainly, as the engine's reference: convs, ResNet block, attention, samplers.

Tensors are (B, C, T, H, W), kept channels-last in memory: frames then lie one after the other, and seeing
them as a batch of pictures, as norms and attention do, costs nothing. Source: spec/vae.md 1.3 to 1.6.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seedvr2_cli.vae.cache import Walk

NORM_EPS = 1e-6
SCORES_LIMIT = 1 << 26  # attention scores held at once; a back end that holds none is not slowed by it


class CausalConv3d(nn.Module):
    """A conv that is causal in time: frames in front, none behind.

    The clip's first frame is seen as if repeated before it; later slices see remembered frames instead.
    stride (time, space): a spatial stride of 2 pads one zero row below and one zero column to the right.
    It computes, and returns, in the type of its weights.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        time, space = kernel
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, time, space, space))
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.stride = stride
        self.padding = 1 if space == 3 and stride[1] == 1 else 0

    def forward(self, x: Tensor, walk: Walk) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T', H', W'); T' = (T - 1) // stride + 1 at a clip's start, else T /
        stride."""
        time = self.weight.shape[2]
        remembered = time - self.stride[0]
        if time == 1:
            return self._conv(x)
        front = x[:, :, :1].expand(-1, -1, time - 1, -1, -1) if walk.start else walk.recall()
        x = torch.cat([front.to(x.dtype), x], dim=2)
        walk.keep(x[:, :, -remembered:])
        return self._conv(x)

    def _conv(self, x: Tensor) -> Tensor:
        stride = (self.stride[0], self.stride[1], self.stride[1])
        padding = (0, self.padding, self.padding)
        return F.conv3d(self._padded(x), self.weight, self.bias, stride, padding)

    def _padded(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        return F.pad(x, (0, 1, 0, 1)) if self.stride[1] == 2 else x


class FrameNorm(nn.GroupNorm):
    """GroupNorm whose statistics span one frame: nothing crosses frames, so slices of time change nothing."""

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__(groups, channels, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> the same shape."""
        return _as_clip(super().forward(_as_pictures(x)), x.shape[0])


class ResnetBlock(nn.Module):
    """norm, SiLU, conv, twice, beside a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, groups: int) -> None:
        super().__init__()
        self.norm1 = FrameNorm(groups, in_channels)
        self.conv1 = CausalConv3d(in_channels, out_channels, (3, 3))
        self.norm2 = FrameNorm(groups, out_channels)
        self.conv2 = CausalConv3d(out_channels, out_channels, (3, 3))
        self.conv_shortcut = (
            CausalConv3d(in_channels, out_channels, (1, 1)) if in_channels != out_channels else None
        )

    def forward(self, x: Tensor, walk: Walk) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T, H, W)."""
        h = self.conv1(F.silu(self.norm1(x), inplace=True), walk)
        h = self.conv2(F.silu(self.norm2(h), inplace=True), walk)
        return h.add_(x if self.conv_shortcut is None else self.conv_shortcut(x, walk))


class FrameAttention(nn.Module):
    """Softmax attention with one head over the positions of each frame, added to its input."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.group_norm = FrameNorm(groups, channels)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> the same shape."""
        tokens = self.group_norm(x).permute(0, 2, 3, 4, 1).flatten(2, 3).flatten(0, 1)  # (B T, H W, C)
        q, k, v = (to(tokens).unsqueeze(1) for to in (self.to_q, self.to_k, self.to_v))
        rows = max(1, SCORES_LIMIT // (k.shape[0] * k.shape[2]))
        parts = [F.scaled_dot_product_attention(part, k, v) for part in q.split(rows, dim=2)]
        out = self.to_out[0](torch.cat(parts, dim=2).squeeze(1))
        b, _, t, h, w = x.shape
        return x + out.view(b, t, h, w, -1).permute(0, 4, 1, 2, 3)


class Downsample(nn.Module):
    """Half the width and height and, where halves_time, half the frames."""

    def __init__(self, channels: int, *, halves_time: bool) -> None:
        super().__init__()
        time = (3, 2) if halves_time else (1, 1)
        self.conv = CausalConv3d(channels, channels, (time[0], 3), (time[1], 2))

    def forward(self, x: Tensor, walk: Walk) -> Tensor:
        """(B, C, T, H, W) -> (B, C, T', H // 2, W // 2)."""
        return self.conv(x, walk)


class Upsample(nn.Module):
    """Twice the width and height and, where doubles_time, twice the frames: expand, shuffle, conv."""

    def __init__(self, channels: int, *, doubles_time: bool) -> None:
        super().__init__()
        self.frames = 2 if doubles_time else 1
        self.conv = CausalConv3d(channels, channels, (3, 3))
        self.upscale_conv = nn.Conv3d(channels, channels * 4 * self.frames, 1)

    def forward(self, x: Tensor, walk: Walk) -> Tensor:
        """(B, C, T, H, W) -> (B, C, T', 2H, 2W); a clip's first frame stays one frame."""
        b, c, t, h, w = x.shape
        frames = self.frames
        expanded = self.upscale_conv(x).permute(0, 2, 3, 4, 1)
        # channels are (row, column, frame, channel), the row slowest (spec/vae.md 1.6)
        parts = expanded.unflatten(-1, (2, 2, frames, c)).permute(0, 1, 6, 2, 4, 3, 5, 7)
        shuffled = parts.reshape(b, t * frames, 2 * h, 2 * w, c).permute(0, 4, 1, 2, 3)
        if walk.start and frames == 2:
            shuffled = torch.cat([shuffled[:, :, :1], shuffled[:, :, 2:]], dim=2)
        return self.conv(shuffled, walk)


def _as_pictures(x: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B T, C, H, W), a view where x is channels-last.

    It goes by way of channels last, because the strides of a single frame do not show its layout otherwise,
    and torch would copy it to another one and back.
    """
    return x.permute(0, 2, 3, 4, 1).flatten(0, 1).permute(0, 3, 1, 2)


def _as_clip(pictures: Tensor, batch: int) -> Tensor:
    """The way back from `_as_pictures`."""
    return pictures.permute(0, 2, 3, 1).unflatten(0, (batch, -1)).permute(0, 4, 1, 2, 3)
