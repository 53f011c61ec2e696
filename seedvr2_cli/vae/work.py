"""What every conv of the VAE costs, in the engine's form of it, in a clip's steady state."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from seedvr2_cli.vae import layers
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network

FOLDED_TAPS = {1: 12, 2: 8}  # of a folded upsampler per output pixel, by the frames it makes of one


@dataclass(frozen=True)
class ConvWork:
    """name: in the network, with `encoder.` or `decoder.` in front. mflop: 10^6 operations for each pixel of
    a frame outside the latents; a multiply-add counts two. causal: a 3x3x3 conv with a stride of 1."""

    name: str
    mflop: float
    causal: bool

    @property
    def half(self) -> str:
        return self.name.partition(".")[0]


def conv_works(config: VAEConfig) -> list[ConvWork]:
    """All convs of both halves and the linear layers of their attention, in the network's order.

    The expansion of an upsampler is counted with the conv it is folded into. Attention's scores, which grow
    with the frame, are not counted. Source: spec/perf.md 6.
    """
    network = Network.on_meta(config)
    return [*_works("encoder", network.encoder, config), *_works("decoder", network.decoder, config)]


def _works(half: str, module: nn.Module, config: VAEConfig) -> Iterator[ConvWork]:
    """Each conv's multiply-adds for one output, times how many outputs there are for a pixel outside."""
    for name, layer in module.named_modules():
        share = _share(half, name, config)
        full = f"{half}.{name}"
        if isinstance(layer, layers.Upsample):
            frames = layer.frames
            outputs = share * 4 * frames
            channels = layer.conv.weight.shape[0]
            yield ConvWork(f"{full}.conv", _mflop(channels**2 * FOLDED_TAPS[frames] * outputs), causal=True)
        elif isinstance(layer, layers.Downsample):
            outputs = share / 4 / (2 if layer.conv.weight.shape[2] == 3 else 1)
            yield ConvWork(f"{full}.conv", _mflop(layer.conv.weight.numel() * outputs), causal=False)
        elif isinstance(layer, layers.CausalConv3d) and "sampler" not in name:
            causal = layer.weight.shape[2:] == (3, 3, 3)
            yield ConvWork(full, _mflop(layer.weight.numel() * share), causal=causal)
        elif isinstance(layer, nn.Linear):
            yield ConvWork(full, _mflop(layer.weight.numel() * share), causal=False)


def _share(half: str, name: str, config: VAEConfig) -> float:
    """How many pixels and frames a layer's input has for each pixel and frame outside."""
    blocks = len(config.block_out_channels)
    timed = config.temporal_scale_num
    part, _, rest = name.partition(".")
    if part not in ("down_blocks", "up_blocks") or not rest:
        at_latents = part == "mid_block" or name == ("conv_in" if half == "decoder" else "conv_out")
        halvings, time_halvings = (blocks - 1, timed) if at_latents else (0, 0)
    else:
        index = int(rest.partition(".")[0])
        if half == "encoder":
            halvings, time_halvings = index, max(0, index - (blocks - 1 - timed))
        else:
            halvings, time_halvings = blocks - 1 - index, max(0, timed - index)
    return 0.25**halvings * 0.5**time_halvings


def _mflop(multiply_adds: float) -> float:
    return 2e-6 * multiply_adds
