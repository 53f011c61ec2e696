"""Encoder and decoder, with the published names of their tensors: the weights' home, and the plain path.

The engine makes its layers from these. Source: spec/vae.md 1.2 and 1.7.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seedvr2_cli.vae.cache import CausalCache, Walk
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.layers import CausalConv3d, Downsample, FrameAttention, FrameNorm, ResnetBlock, Upsample


class MidBlock(nn.Module):
    """ResNet block, attention, ResNet block, at the latents' size."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([FrameAttention(channels, groups)])
        self.resnets = nn.ModuleList([ResnetBlock(channels, channels, groups) for _ in range(2)])

    def forward(self, x: Tensor, walk: Walk) -> Tensor:
        """(B, C, T, h, w) -> the same shape."""
        x = self.resnets[0](x, walk)
        return self.resnets[1](self.attentions[0](x), walk)


class DownBlock(nn.Module):
    """ResNet blocks, then a downsampler in all blocks but the last."""

    def __init__(self, config: VAEConfig, index: int) -> None:
        super().__init__()
        widths = config.block_out_channels
        width, before = widths[index], widths[max(0, index - 1)]
        self.resnets = nn.ModuleList(
            ResnetBlock(before if j == 0 else width, width, config.norm_num_groups)
            for j in range(config.layers_per_block)
        )
        last = len(widths) - 1
        if index < last:
            halves_time = index >= last - config.temporal_scale_num
            self.downsamplers = nn.ModuleList([Downsample(width, halves_time=halves_time)])
        else:
            self.downsamplers = nn.ModuleList()

    def forward(self, x: Tensor, walk: Walk) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T', H', W')."""
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x, walk)
        return x


class UpBlock(nn.Module):
    """One ResNet block more than a down block has, then an upsampler in all blocks but the last."""

    def __init__(self, config: VAEConfig, index: int) -> None:
        super().__init__()
        widths = config.block_out_channels[::-1]
        width, before = widths[index], widths[max(0, index - 1)]
        self.resnets = nn.ModuleList(
            ResnetBlock(before if j == 0 else width, width, config.norm_num_groups)
            for j in range(config.layers_per_block + 1)
        )
        if index < len(widths) - 1:
            doubles_time = index < config.temporal_scale_num
            self.upsamplers = nn.ModuleList([Upsample(width, doubles_time=doubles_time)])
        else:
            self.upsamplers = nn.ModuleList()

    def forward(self, x: Tensor, walk: Walk) -> Tensor:
        """(B, C, T, h, w) -> (B, C', T', h', w')."""
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x, walk)
        return x


class Encoder(nn.Module):
    """Frames to moments."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels, config.norm_num_groups
        self.conv_in = CausalConv3d(config.in_channels, widths[0], (3, 3))
        self.down_blocks = nn.ModuleList(DownBlock(config, i) for i in range(len(widths)))
        self.mid_block = MidBlock(widths[-1], groups)
        self.conv_norm_out = FrameNorm(groups, widths[-1])
        self.conv_out = CausalConv3d(widths[-1], 2 * config.latent_channels, (3, 3))

    def forward(self, x: Tensor, cache: CausalCache | None) -> tuple[Tensor, CausalCache]:
        """(B, 3, T, H, W) in [-1, 1] -> moments (B, 2z, t, h, w) in conv_out's type, and the new cache."""
        walk = Walk(cache)
        x = self.conv_in(x.contiguous(memory_format=torch.channels_last_3d), walk)
        for block in self.down_blocks:
            x = block(x, walk)
        x = self.mid_block(x, walk)
        x = self.conv_out(F.silu(self.conv_norm_out(x), inplace=True), walk)
        return x, walk.cache()


class Decoder(nn.Module):
    """Latents to frames."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels, config.norm_num_groups
        self.conv_in = CausalConv3d(config.latent_channels, widths[-1], (3, 3))
        self.up_blocks = nn.ModuleList(UpBlock(config, i) for i in range(len(widths)))
        self.mid_block = MidBlock(widths[-1], groups)
        self.conv_norm_out = FrameNorm(groups, widths[0])
        self.conv_out = CausalConv3d(widths[0], config.out_channels, (3, 3))

    def forward(self, z: Tensor, cache: CausalCache | None) -> tuple[Tensor, CausalCache]:
        """(B, z, t, h, w) -> frames (B, 3, T, H, W), not clamped, in conv_out's type, and the new cache."""
        walk = Walk(cache)
        x = self.conv_in(z.contiguous(memory_format=torch.channels_last_3d), walk)
        x = self.mid_block(x, walk)
        for block in self.up_blocks:
            x = block(x, walk)
        x = self.conv_out(F.silu(self.conv_norm_out(x), inplace=True), walk)
        return x, walk.cache()


class Network(nn.Module):
    """Both halves under the published names `encoder.*` and `decoder.*`."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    @classmethod
    def on_meta(cls, config: VAEConfig) -> "Network":
        """The network without memory: shapes and names alone."""
        with torch.device("meta"):
            return cls(config).requires_grad_(False)


def weight_dtype(name: str, dtype: torch.dtype) -> torch.dtype:
    """The type in which a tensor is held for a run in dtype.

    The last convs stay in float32: in bf16 their output would have at most 129 values above mid gray
    (spec/vae.md 3), and they are 0.2 % of the weights.
    """
    return torch.float32 if name.split(".")[1] == "conv_out" else dtype
