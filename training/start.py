"""The linear start: weights with which the network is a block transform (KLT), before any training.

The skip path of the ResNet blocks carries coefficients, their residual branches add nothing yet, and the
first step of training begins at the quality of a linear code. GroupNorm keeps linear because each group
holds +K and -K, which rule its variance; SiLU because silu(a) - silu(-a) = a. All other channels start at
random.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.vae import network
from seedvr2_cli.vae.config import VAEConfig

CONSTANT = 8.0  # K of the encoder's last norm, over coefficients of spread 1
CONSTANT_OUT = 4.0  # K of the decoder's last norm, over pixels in [-1, 1]
BESIDE = 0.3  # spread of random channels that share a norm with coefficients


@dataclass(frozen=True)
class Step:
    """A block transform of 2x2 pixels and two frames, and its inverse on what it keeps.

    analysis, synthesis (coefficients, 2, 2, 2, channels): over (dy, dx, dz, channel).
    """

    analysis: Tensor
    synthesis: Tensor


@dataclass(frozen=True)
class Transform:
    """first: from pixels in blocks of 2x2; second: on its coefficients. mean (Z): of the last ones."""

    first: Step
    second: Step
    mean: Tensor


def fit(clips: Tensor, kept: int, latents: int) -> Transform:
    """clips (B, T, H, W, 3), T = 4n + 1. kept: coefficients after the first step.

    Both steps keep the directions of most energy. The first is orthonormal, the second's coefficients are
    brought to a mean square of 1.
    """
    halved = _blocks(clips.double())  # (B, T, H / 2, W / 2, (dy, dx, c))
    vectors = _pairs(halved)
    rows, _ = _principal(vectors, kept)
    first = Step(rows, rows)
    still = _pairs(halved[:, :1].expand(-1, 3, -1, -1, -1))  # a clip's first frame stands for two
    once = torch.cat([still, vectors], 1).flatten(4) @ first.analysis.flatten(1).T
    vectors = _pairs(once[:, 1 - once.shape[1] % 2 :])
    rows, size = _principal(vectors, latents)
    size = size.view(-1, 1, 1, 1, 1)
    second = Step(rows / size, rows * size)
    mean = (vectors @ second.analysis.flatten(1).T).flatten(0, -2).mean(0)
    return Transform(_float(first), _float(second), mean.float())


def _float(step: Step) -> Step:
    return Step(step.analysis.float(), step.synthesis.float())


def _blocks(x: Tensor) -> Tensor:
    b, t, h, w, c = x.shape
    return (
        x.view(b, t, h // 2, 2, w // 2, 2, c).permute(0, 1, 2, 4, 3, 5, 6).reshape(b, t, h // 2, w // 2, -1)
    )


def _pairs(x: Tensor) -> Tensor:
    """(B, 2n + 1, H, W, C) -> (B, n, H / 2, W / 2, (dy, dx, dz, C)) of the frames behind the first."""
    b, t, h, w, c = x.shape
    n = (t - 1) // 2
    parts = x[:, 1:].reshape(b, n, 2, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 5, 4, 6, 2, 7)
    return parts.reshape(b, n, h // 2, w // 2, -1)


def _principal(vectors: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """The directions of most energy of vectors (..., 8 C), as (kept, 2, 2, 2, C), and their sizes."""
    flat = vectors.flatten(0, -2)
    powers, columns = torch.linalg.eigh(flat.T @ flat / len(flat))
    return columns.T.flip(0)[:kept].unflatten(1, (2, 2, 2, -1)), powers.flip(0)[:kept].sqrt()


@torch.no_grad()
def start(net: network.Network, config: VAEConfig, transform: Transform, noise: float, seed: int) -> None:
    """Fill the network. noise: the spread of what training adds to latents, which logvar will name."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in net.named_parameters():
        if "norm" in name:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
        elif parameter.dim() == 1 or name.endswith(("conv2.weight", "to_out.0.weight")):
            parameter.zero_()
        else:
            parameter.normal_(0, parameter[0].numel() ** -0.5, generator=generator)
    scale = 1 / config.scaling_factor
    _start_encoder(net.encoder, transform, config, scale)
    logvar = net.encoder.conv_out
    logvar.weight[config.latent_channels :] = 0
    logvar.bias[config.latent_channels :] = 2 * math.log(noise)
    _start_decoder(net.decoder, transform, config, scale)


def _rows(weight: Tensor, values: Tensor) -> None:
    """Put the first rows; they read nothing else."""
    weight[: len(values)] = 0
    weight[: len(values), : values.shape[1]] = values.view(*values.shape[:2], *weight.shape[2:])


def _centre(values: Tensor, weight: Tensor) -> Tensor:
    """A matrix (O, I) as a conv that reads this place of the newest frame alone."""
    out = torch.zeros(*values.shape, *weight.shape[2:])
    out[:, :, -1, out.shape[3] // 2, out.shape[4] // 2] = values
    return out


def _strided(rows: Tensor, weight: Tensor) -> Tensor:
    """rows (O, 2, 2, dz, I) over (dy, dx, dz, channel) as a downsampler's conv."""
    out = torch.zeros(len(rows), rows.shape[-1], *weight.shape[2:])
    out[:, :, -rows.shape[3] :, :2, :2] = rows.permute(0, 4, 3, 1, 2)
    return out


def _pass(resnet: torch.nn.Module, channels: int) -> None:
    if resnet.conv_shortcut is not None:
        weight = resnet.conv_shortcut.weight
        _rows(weight, _centre(torch.eye(channels), weight))


def _start_encoder(half: network.Encoder, transform: Transform, config: VAEConfig, scale: float) -> None:
    _rows(half.conv_in.weight, _centre(torch.eye(3), half.conv_in.weight))
    blocks = half.down_blocks
    space = torch.eye(12).view(12, 2, 2, 1, 3)
    down = [block.downsamplers[0].conv for block in blocks[:3]]
    _rows(down[0].weight, _strided(space, down[0].weight))
    _pass(blocks[1].resnets[0], 12)
    _rows(down[1].weight, _strided(transform.first.analysis, down[1].weight))
    _pass(blocks[2].resnets[0], len(transform.first.analysis))

    rows = _strided(transform.second.analysis, down[2].weight)
    norm, conv = half.conv_norm_out, half.conv_out
    size, each = norm.num_channels // norm.num_groups, len(rows) // norm.num_groups
    weight = down[2].weight
    weight *= BESIDE
    z = config.latent_channels
    conv.weight[:z] = 0
    for m, row in enumerate(rows):
        plus = m // each * size + m % each * 2
        for channel, sign in ((plus, 1.0), (plus + 1, -1.0)):
            weight[channel] = 0
            weight[channel, : row.shape[0]] = sign * row
            conv.weight[m, channel, -1, 1, 1] = sign * scale
    _pass(blocks[3].resnets[0], norm.num_channels)
    variance = _constants(down[2], norm, norm.num_groups, 2 * each, (CONSTANT, 1.0))
    _set_norm(norm, variance, 2 * each)
    conv.bias[:z] = -scale * transform.mean


def _constants(
    conv: torch.nn.Module, norm: torch.nn.GroupNorm, groups: int, used: int, levels: tuple[float, float]
) -> float:
    """+K and -K behind the used channels of the first groups; returns a group's variance.

    levels: K, and the mean square of a used channel.
    """
    size = norm.num_channels // norm.num_groups
    constant, power = levels
    for group in range(groups):
        for channel, value in ((group * size + used, constant), (group * size + used + 1, -constant)):
            conv.weight[channel] = 0
            conv.bias[channel] = value
    return (used * power + 2 * constant**2 + (size - used - 2) * BESIDE**2) / size


def _start_decoder(half: network.Decoder, transform: Transform, config: VAEConfig, scale: float) -> None:
    latents = torch.eye(config.latent_channels) / scale
    _rows(half.conv_in.weight, _centre(latents, half.conv_in.weight))
    half.conv_in.bias[: config.latent_channels] = transform.mean
    blocks = half.up_blocks
    _expand(blocks[0].upsamplers[0], transform.second.synthesis)
    _pass(blocks[1].resnets[0], len(transform.first.analysis))
    _expand(blocks[1].upsamplers[0], transform.first.synthesis)
    _pass(blocks[2].resnets[0], 12)
    _expand(blocks[2].upsamplers[0], torch.eye(12).view(12, 2, 2, 1, 3))

    norm, conv = half.conv_norm_out, half.conv_out
    shortcut = blocks[3].resnets[0].conv_shortcut
    size = norm.num_channels // norm.num_groups
    conv.weight.zero_()
    for color in range(3):
        for channel, sign in ((color * size, 1.0), (color * size + 1, -1.0)):
            shortcut.weight[channel] = 0
            shortcut.weight[channel, color] = sign
            conv.weight[color, channel, -1, 1, 1] = sign
    variance = _constants(shortcut, norm, 3, 2, (CONSTANT_OUT, 0.35))
    _set_norm(norm, variance, 2)


def _set_norm(norm: torch.nn.GroupNorm, variance: float, used: int) -> None:
    """Undo the division; the constants behind the used channels do not come through."""
    weight = norm.weight.view(norm.num_groups, -1)
    weight.fill_(math.sqrt(variance))
    weight[:, used : used + 2] = 0


def _expand(up: torch.nn.Module, rows: Tensor) -> None:
    """rows (I, 2, 2, dz, O): coefficients I become channels O of each place."""
    inputs, outputs = len(rows), rows.shape[-1]
    weight = up.upscale_conv.weight.view(2, 2, up.frames, -1, up.upscale_conv.weight.shape[1])
    weight[:, :, :, :outputs] = 0
    weight[:, :, :, :outputs, :inputs] = rows.permute(1, 2, 3, 4, 0)
    _rows(up.conv.weight, _centre(torch.eye(outputs), up.conv.weight))
