"""The network's forward pass as training takes it: whole clips, bfloat16, over the product's own modules.

Tensors are (B, T, H, W, C) contiguous, which convs see as channels-last. A test compares it with the plain
path of `seedvr2_cli.vae.network`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.vae import layers, network
from training.norm_silu import norm_silu

KIND = torch.bfloat16


def encode(half: network.Encoder, frames: Tensor) -> Tensor:
    """frames (B, T, H, W, 3) in [-1, 1], T = 4n + 1 -> moments (B, n + 1, H / 8, W / 8, 2 z) float32."""
    x = _conv(half.conv_in, _with_front(frames.to(KIND)))
    for block in half.down_blocks:
        for resnet in block.resnets:
            x = _resnet(resnet, x)
        for down in block.downsamplers:
            x = _downsample(down, x)
    x = _mid(half.mid_block, x)
    return _conv(half.conv_out, norm_silu(x, half.conv_norm_out, front=2)).float()


def decode(half: network.Decoder, latents: Tensor) -> Tensor:
    """latents (B, n + 1, h, w, z) -> frames (B, 4 n + 1, 8 h, 8 w, 3) float32, not clamped."""
    x = _mid(half.mid_block, _conv(half.conv_in, _with_front(latents.to(KIND))))
    for block in half.up_blocks:
        for resnet in block.resnets:
            x = _resnet(resnet, x)
        for up in block.upsamplers:
            x = _upsample(up, x)
    return _conv(half.conv_out, norm_silu(x, half.conv_norm_out, front=2)).float()


def _with_front(x: Tensor) -> Tensor:
    return torch.cat([x[:, :1], x[:, :1], x], 1)


def _conv(conv: layers.CausalConv3d, x: Tensor) -> Tensor:
    """x with its leading frames and, for a spatial stride, its padding."""
    stride = (conv.stride[0], conv.stride[1], conv.stride[1])
    padding = (0, conv.padding, conv.padding)
    weight = conv.weight.to(KIND, memory_format=torch.channels_last_3d)
    y = F.conv3d(x.permute(0, 4, 1, 2, 3), weight, conv.bias.to(KIND), stride, padding)
    return y.permute(0, 2, 3, 4, 1).contiguous()


def _pointwise(conv: layers.CausalConv3d | torch.nn.Conv3d, x: Tensor) -> Tensor:
    assert conv.bias is not None
    return F.linear(x, conv.weight.flatten(1).to(KIND), conv.bias.to(KIND))


def _resnet(block: layers.ResnetBlock, x: Tensor) -> Tensor:
    h = _conv(block.conv1, norm_silu(x, block.norm1, front=2))
    h = _conv(block.conv2, norm_silu(h, block.norm2, front=2))
    return h + (x if block.conv_shortcut is None else _pointwise(block.conv_shortcut, x))


def _mid(block: network.MidBlock, x: Tensor) -> Tensor:
    x = _attention(block.attentions[0], _resnet(block.resnets[0], x))
    return _resnet(block.resnets[1], x)


def _attention(attention: layers.FrameAttention, x: Tensor) -> Tensor:
    b, t, h, w, c = x.shape
    pictures = x.float().view(b * t, h * w, c).transpose(1, 2)
    norm = attention.group_norm
    tokens = F.group_norm(pictures, norm.num_groups, norm.weight, norm.bias, norm.eps).transpose(1, 2)
    q, k, v = (
        F.linear(tokens.to(KIND), to.weight.to(KIND), to.bias.to(KIND))
        for to in (attention.to_q, attention.to_k, attention.to_v)
    )
    out = F.scaled_dot_product_attention(q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)).squeeze(1)
    to_out = attention.to_out[0]
    return x + F.linear(out, to_out.weight.to(KIND), to_out.bias.to(KIND)).view(b, t, h, w, c)


def _downsample(down: layers.Downsample, x: Tensor) -> Tensor:
    padded = F.pad(x, (0, 0, 0, 1, 0, 1))
    return _conv(down.conv, _with_front(padded) if down.conv.weight.shape[2] == 3 else padded)


def _upsample(up: layers.Upsample, x: Tensor) -> Tensor:
    b, t, h, w, c = x.shape
    parts = _pointwise(up.upscale_conv, x).view(b, t, h, w, 2, 2, up.frames, c)
    shuffled = parts.permute(0, 1, 6, 2, 4, 3, 5, 7).reshape(b, t * up.frames, 2 * h, 2 * w, c)
    if up.frames == 2:  # a clip's first frame stays one frame
        first = shuffled[:, :1]
        return _conv(up.conv, torch.cat([first, first, first, shuffled[:, 2:]], 1))
    return _conv(up.conv, _with_front(shuffled))
