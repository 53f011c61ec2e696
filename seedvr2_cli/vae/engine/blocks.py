"""ResNet blocks and attention, over one frame or two in rows' strips."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.ops.kernels import Kernels, Packed
from seedvr2_cli.ops.moments import Norm
from seedvr2_cli.vae.engine.buffers import Form
from seedvr2_cli.vae.engine.convs import CausalConv, Pass, Residual
from seedvr2_cli.vae.engine.frames import Map, Measured, Source

SCORES_LIMIT = 1 << 26  # attention scores held at once; a back end that holds none is not slowed by it


@dataclass(frozen=True)
class Shortcut:
    """The 1x1 conv beside a block that changes the number of channels. bias: (C',) float32."""

    kernels: Kernels
    kernel: Packed
    bias: Tensor

    def rows(self, source: Source, first: int, last: int) -> Tensor:
        return self.kernels.conv(source.rows(first, last), self.kernel, self.bias)


@dataclass(frozen=True)
class ResnetBlock:
    """norm, SiLU, conv, twice, beside a shortcut. The second conv writes over the first one's map, so that
    two maps are alive at most."""

    conv1: CausalConv
    conv2: CausalConv
    shortcut: Shortcut | None

    @property
    def in_pairs(self) -> bool:
        """See CausalConv."""
        return self.conv1.in_pairs or self.conv2.in_pairs

    def __call__(self, now: Pass, sources: Sequence[Measured]) -> list[Map]:
        """(H, W, C) -> (H, W, C') for each source, which is released."""
        of = sources[0].form
        form = Form(of.height, of.width, self.conv1.channels, of.dtype)
        inside = [Map(form, now.buffers) for _ in sources]
        self.conv1(now, sources, inside)
        self.conv2(now, inside, inside, [self._beside(source) for source in sources])
        for source in sources:
            source.release()
        return inside

    def _beside(self, source: Source) -> Residual:
        if self.shortcut is None:
            return source.rows
        shortcut = self.shortcut
        return lambda first, last: shortcut.rows(source, first, last)


class FrameAttention:
    """Softmax attention with one head over the positions of a frame, added to it."""

    def __init__(self, norm: Norm, linears: dict[str, tuple[Tensor, Tensor]]) -> None:
        self._norm = norm
        self._linears = linears  # name -> weight and bias, in the type of the maps

    def __call__(self, now: Pass, source: Map) -> Map:
        """(h, w, C) -> the same map, written over."""
        channels = source.form.channels
        scale, shift = source.moments.affine(self._norm)
        tokens = torch.addcmul(shift, source.data, scale).to(source.data.dtype).view(1, 1, -1, channels)
        q, k, v = (F.linear(tokens, *self._linears[name]) for name in ("to_q", "to_k", "to_v"))
        flat = source.data.view(-1, channels)
        at_once = max(1, SCORES_LIMIT // len(flat))
        for first in range(0, len(flat), at_once):
            last = min(first + at_once, len(flat))
            part = F.scaled_dot_product_attention(q[:, :, first:last], k, v)
            flat[first:last] += F.linear(part[0, 0], *self._linears["to_out"])
        source.rewrite()
        source.wrote(now.kernels.moments(source.data))
        return source
