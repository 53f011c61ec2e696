"""What the text and the time make of a model, worked out once: they are the same for every clip.

A block scales, shifts and gates its streams with vectors that hang on the time alone; the text enters each
block's attention. With both folded, the layers that made them need not stay in memory.
Source: spec/dit.md 2.2 to 2.4.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.dit.config import TIME_WIDTH, DiTConfig, Variant
from seedvr2_cli.dit.tensors import streams

Read = Callable[[str], Tensor]  # the tensor of a name, float32, on the device

_MAX_PERIOD = 10_000.0
_NEAR_TIE = 12
_ATTENTION, _MLP = 0, 1
_SHIFT, _SCALE, _GATE = 0, 1, 2


@dataclass(frozen=True)
class Modulation:
    """x * scale + shift goes into a layer, gate times its result is added. All (vid_dim,) float32."""

    shift: Tensor
    scale: Tensor
    gate: Tensor


@dataclass(frozen=True)
class Modulations:
    """Those of one stream in one block."""

    attention: Modulation
    mlp: Modulation


@dataclass(frozen=True)
class Condition:
    """What `DiT.condition` folds, for one text and one time.

    text: (L, vid_dim) float32, projected. blocks: by layer, then (video, text); a last 3B block has no
    modulation of its text. head_shift, head_scale: of the output, None for the 7B.
    """

    text: Tensor
    blocks: tuple[tuple[Modulations, Modulations | None], ...]
    head_shift: Tensor | None
    head_scale: Tensor | None


def fold(config: DiTConfig, read: Read, text: Tensor, t: float) -> Condition:
    """text: (L, txt_in_dim), any float type. t: 0 to 1000; the one step is 1000."""
    parts = time_embedding(read, t)
    blocks = tuple(_block(config, layer, read, parts) for layer in range(config.num_layers))
    shift = scale = None
    if config.variant is Variant.B3:
        # the output takes the attention's slots: the trained weights rely on it (spec/dit.md 2.9)
        shift = parts[:, _ATTENTION, _SHIFT] + read("vid_out_ada.out_shift")
        scale = parts[:, _ATTENTION, _SCALE] + read("vid_out_ada.out_scale")
    projected = F.linear(text.float(), read("txt_in.weight"), read("txt_in.bias"))
    return Condition(projected, blocks, shift, scale)


def sinusoid(t: float) -> Tensor:
    """The time as (256,) float32: sines, then cosines. The same on every machine: at t = 1000 one unit in the
    last place of a frequency is 6e-5 of its sine, and float32 exponentials differ by that."""
    half = TIME_WIDTH // 2
    exponents = -math.log(_MAX_PERIOD) * torch.arange(half, dtype=torch.float32) / half
    frequencies = exponents.double().exp().float()
    # 0.02 units from the middle of two numbers: the one that the published numbers were made with
    frequencies[_NEAR_TIE] = torch.nextafter(frequencies[_NEAR_TIE], torch.tensor(1.0))
    angles = t * frequencies
    return torch.cat([angles.sin(), angles.cos()])


def time_embedding(read: Read, t: float) -> Tensor:
    """(vid_dim, 2, 3) float32: of every channel, the shift, scale and gate of attention and MLP."""
    x = sinusoid(t)[None]
    for name in ("proj_in", "proj_hid", "proj_out"):
        weight = read(f"emb_in.{name}.weight")
        x = F.linear(x.to(weight.device), weight, read(f"emb_in.{name}.bias"))
        x = F.silu(x) if name != "proj_out" else x
    return x.view(-1, 2, 3)


def _block(
    config: DiTConfig, layer: int, read: Read, parts: Tensor
) -> tuple[Modulations, Modulations | None]:
    words = streams(config, layer)
    video = _modulations(f"blocks.{layer}.ada.{words[0]}", read, parts)
    if config.variant is Variant.B3 and config.ends_text(layer):
        return video, None
    return video, video if len(words) == 1 else _modulations(f"blocks.{layer}.ada.{words[1]}", read, parts)


def _modulations(at: str, read: Read, parts: Tensor) -> Modulations:
    def one(name: str, part: int) -> Modulation:
        return Modulation(
            shift=parts[:, part, _SHIFT] + read(f"{at}.{name}_shift"),
            scale=parts[:, part, _SCALE] + read(f"{at}.{name}_scale"),
            gate=parts[:, part, _GATE] + read(f"{at}.{name}_gate"),
        )

    return Modulations(attention=one("attn", _ATTENTION), mlp=one("mlp", _MLP))
