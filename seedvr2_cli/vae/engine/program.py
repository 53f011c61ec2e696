"""Encoder and decoder as the engine runs them: made from the network's weights, layer by layer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor, nn

from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.moments import Norm
from seedvr2_cli.ops.slot_convs import PLAIN_CHOICE, ConvChoice
from seedvr2_cli.vae import layers, network
from seedvr2_cli.vae.engine.blocks import FrameAttention, ResnetBlock, Shortcut
from seedvr2_cli.vae.engine.convs import CausalConv, NarrowConv, Pass, StackedConv
from seedvr2_cli.vae.engine.filters import Filter, SummedFilter, WholeFilter
from seedvr2_cli.vae.engine.fold import Folder
from seedvr2_cli.vae.engine.folded import FoldedFilter, SummedDoubled, SummedStill, WholeDoubled, WholeStill
from seedvr2_cli.vae.engine.frames import Given, Map, Measured, Source
from seedvr2_cli.vae.engine.samplers import DoubledUpsample, Downsample, StillUpsample
from seedvr2_cli.vae.engine.triple import Triple

Kind = TypeVar("Kind", bound=nn.Module)
AnySource = TypeVar("AnySource", bound=Source)


@dataclass(frozen=True)
class Build:
    """How layers are made. winograd: where frames come in pairs and it pays, take it. choice: which convs are
    taken whole."""

    kernels: Kernels
    dtype: torch.dtype
    winograd: bool = True
    choice: ConvChoice = PLAIN_CHOICE


class Maker:
    """Makes the engine's layers of the network's, and numbers the causal convs in order of computation.

    half: the encoder or the decoder, whose modules are known by their names in the network.
    """

    def __init__(self, build: Build, half: nn.Module, prefix: str) -> None:
        self.build = build
        self._names = {module: name for name, module in half.named_modules(prefix=prefix)}
        self._count = 0

    def index(self) -> int:
        """The next conv's place in a clip's memory."""
        self._count += 1
        return self._count - 1

    def norm(self, norm: nn.GroupNorm) -> Norm:
        device = self.build.kernels.device
        weight, bias = (part.detach().to(device, torch.float32) for part in (norm.weight, norm.bias))
        return Norm(weight, bias, norm.num_groups, norm.eps)

    def resnet(self, block: layers.ResnetBlock, *, in_pairs: bool) -> ResnetBlock:
        conv1 = self._conv(block.norm1, block.conv1, in_pairs=in_pairs)
        conv2 = self._conv(block.norm2, block.conv2, in_pairs=in_pairs)
        return ResnetBlock(conv1, conv2, self._shortcut(block.conv_shortcut))

    def attention(self, attention: layers.FrameAttention) -> FrameAttention:
        (to_out,) = each(attention.to_out, nn.Linear)
        parts = {"to_q": attention.to_q, "to_k": attention.to_k, "to_v": attention.to_v, "to_out": to_out}
        place = self.build.kernels.device, self.build.dtype
        linears = {
            name: (part.weight.detach().to(*place), part.bias.detach().to(*place))
            for name, part in parts.items()
        }
        return FrameAttention(self.norm(attention.group_norm), linears)

    def upsample(self, up: layers.Upsample, *, in_pairs: bool) -> DoubledUpsample | StillUpsample:
        expand = up.upscale_conv
        assert expand.bias is not None
        folder = Folder(up.conv.weight, up.conv.bias, expand.weight, expand.bias)
        kernels, dtype = self.build.kernels, self.build.dtype
        whole = self.build.choice.of(self._names[up.conv])
        filter: FoldedFilter
        if up.frames == 2:
            filter = WholeDoubled(whole, folder, dtype) if whole else SummedDoubled(kernels, folder, dtype)
            return DoubledUpsample(self.index(), filter, folder.channels, dtype)
        if whole:
            filter = WholeStill(whole, folder, dtype)
        else:
            in_pairs = in_pairs and self._pays(up.conv.weight)
            filter = SummedStill(kernels, folder, dtype, in_pairs=in_pairs)
        return StillUpsample(self.index(), filter, folder.channels, dtype)

    def downsample(self, down: layers.Downsample) -> Downsample:
        conv = down.conv
        return Downsample(self.index(), self.build.kernels, conv.weight, conv.bias, self.build.dtype)

    def stacked(self, conv: layers.CausalConv3d) -> StackedConv:
        return StackedConv(self.index(), self.build.kernels, conv.weight, conv.bias, self.build.dtype)

    def narrow(self, norm: nn.GroupNorm, conv: layers.CausalConv3d) -> NarrowConv:
        return NarrowConv(self.index(), self.build.kernels, self.norm(norm), conv.weight, conv.bias)

    def _conv(self, norm: nn.GroupNorm, conv: layers.CausalConv3d, *, in_pairs: bool) -> CausalConv:
        made = self.norm(norm)
        filter = self._filter(made, conv, in_pairs=in_pairs)
        return CausalConv(self.index(), made, filter, conv.weight.shape[0])

    def _filter(self, norm: Norm, conv: layers.CausalConv3d, *, in_pairs: bool) -> Filter:
        kernels, dtype = self.build.kernels, self.build.dtype
        weight = conv.weight.detach()
        whole = self.build.choice.of(self._names[conv])
        if whole:
            return WholeFilter(whole, norm, weight, conv.bias.detach(), dtype)
        in_pairs = in_pairs and self._pays(weight)
        triple = Triple(kernels, weight.unbind(2), conv.bias, dtype, columns=1, in_pairs=in_pairs)
        return SummedFilter(kernels, triple, dtype)

    def _pays(self, weight: Tensor) -> bool:
        return self.build.winograd and self.build.kernels.winograd_pays(weight.shape[1], self.build.dtype)

    def _shortcut(self, conv: layers.CausalConv3d | None) -> Shortcut | None:
        if conv is None:
            return None
        kernels = self.build.kernels
        kernel = kernels.pack(conv.weight.detach()[:, :, 0], self.build.dtype)
        return Shortcut(kernels, kernel, conv.bias.detach().to(kernels.device, torch.float32))


@dataclass(frozen=True)
class Mid:
    """ResNet block, attention, ResNet block, a frame at a time."""

    before: ResnetBlock
    attention: FrameAttention
    after: ResnetBlock

    @classmethod
    def of(cls, make: Maker, block: network.MidBlock) -> "Mid":
        before, after = each(block.resnets, layers.ResnetBlock)
        (attention,) = each(block.attentions, layers.FrameAttention)
        first = make.resnet(before, in_pairs=False)
        return cls(first, make.attention(attention), make.resnet(after, in_pairs=False))

    def __call__(self, now: Pass, source: Measured) -> Map:
        (inside,) = self.before(now, [source])
        (out,) = self.after(now, [self.attention(now, inside)])
        return out


@dataclass(frozen=True)
class Stage:
    """ResNet blocks at one resolution and the sampler behind them."""

    blocks: tuple[ResnetBlock, ...]
    sampler: DoubledUpsample | StillUpsample | Downsample | None

    def at_once(self, now: Pass) -> int:
        """Frames to be taken through it at a time, where the clip has them: two, if that costs less."""
        still = isinstance(self.sampler, StillUpsample) and self.sampler.in_pairs
        return 2 if now.in_pairs and (still or any(block.in_pairs for block in self.blocks)) else 1

    def through_blocks(self, now: Pass, group: Sequence[Measured]) -> Sequence[Measured]:
        """One frame or two, which are released, as they come to the sampler."""
        for block in self.blocks:
            group = block(now, group)
        return group


class Decoder:
    """Latents to frames, one latent at a time."""

    def __init__(self, build: Build, half: network.Decoder) -> None:
        make = Maker(build, half, "decoder")
        self._dtype = build.dtype
        self._conv_in = make.stacked(half.conv_in)
        self._mid = Mid.of(make, half.mid_block)
        self._stages = []
        in_pairs = False
        for block in each(half.up_blocks, network.UpBlock):
            resnets = each(block.resnets, layers.ResnetBlock)
            blocks = tuple(make.resnet(resnet, in_pairs=in_pairs) for resnet in resnets)
            sampler = None
            for up in each(block.upsamplers, layers.Upsample):
                sampler = make.upsample(up, in_pairs=in_pairs)
                in_pairs = in_pairs or up.frames == 2
            self._stages.append(Stage(blocks, sampler))
        self._conv_out = make.narrow(half.conv_norm_out, half.conv_out)

    def latent(self, now: Pass, z: Tensor) -> Iterator[Tensor]:
        """z: (h, w, C) of the next latent; yields frames (H, W, 3) float32, in order."""
        yield from self.frames(now, self.small(now, z))

    def small(self, now: Pass, z: Tensor) -> Measured:
        """Through all layers at the latents' size: (h, w, C) -> (h, w, C')."""
        source = Given(z.to(self._dtype))
        x = Map(replace(source.form, channels=self._conv_in.channels), now.buffers)
        self._conv_in(now, source, x)
        (out,) = self._stages[0].through_blocks(now, [self._mid(now, x)])
        return out

    def frames(self, now: Pass, small: Measured) -> Iterator[Tensor]:
        """Through the layers behind `small`: its map, or a part of it -> as from `latent`."""
        yield from self._behind(0, now, [small])

    def _stage(self, number: int, now: Pass, group: Sequence[Measured]) -> Iterator[Tensor]:
        """Take one frame or two through a stage and those behind it, depth first."""
        stage = self._stages[number]
        if len(group) <= stage.at_once(now):
            yield from self._behind(number, now, stage.through_blocks(now, group))
            return
        for part, source in in_turn(now, group):
            yield from self._stage(number, part, [source])

    def _behind(self, number: int, now: Pass, group: Sequence[Measured]) -> Iterator[Tensor]:
        """Through the sampler of a stage, and the stages behind it."""
        stage = self._stages[number]
        if stage.sampler is None:
            yield from self._frames(now, group)
        elif isinstance(stage.sampler, StillUpsample):
            last = number + 2 == len(self._stages)
            if last and len(group) == 1 and not now.stores_last:
                yield from self._stage(number + 1, now, [stage.sampler.unstored(now, group[0])])
                return
            larger = stage.sampler(now, group)
            for source in group:
                source.release()
            yield from self._stage(number + 1, now, larger)
        else:
            assert isinstance(stage.sampler, DoubledUpsample)
            for part, source in in_turn(now, group):
                doubled = stage.sampler(part, source)
                source.release()
                yield from self._stage(number + 1, part, doubled)

    def _frames(self, now: Pass, group: Sequence[Measured]) -> Iterator[Tensor]:
        for part, source in in_turn(now, group):
            of = source.form
            out = torch.empty((of.height, of.width, self._conv_out.channels), device=now.kernels.device)
            self._conv_out(part, source, out)
            source.release()
            yield out


class Encoder:
    """Frames to moments: the clip's first frame alone, then as many as make one latent."""

    def __init__(self, build: Build, half: network.Encoder) -> None:
        make = Maker(build, half, "encoder")
        self._dtype = build.dtype
        self._conv_in = make.stacked(half.conv_in)
        self._stages = []
        blocks = each(half.down_blocks, network.DownBlock)
        samplers = [each(block.downsamplers, layers.Downsample) for block in blocks]
        frames = 2 ** sum(down.conv.weight.shape[2] == 3 for downs in samplers for down in downs)
        for block, downs in zip(blocks, samplers, strict=True):
            resnets = each(block.resnets, layers.ResnetBlock)
            made = tuple(make.resnet(resnet, in_pairs=frames > 1) for resnet in resnets)
            sampler = None
            for down in downs:
                sampler = make.downsample(down)
                frames //= 2 if sampler.halves_time else 1
            self._stages.append(Stage(made, sampler))
        self._mid = Mid.of(make, half.mid_block)
        self._conv_out = make.narrow(half.conv_norm_out, half.conv_out)

    @property
    def frames_per_latent(self) -> int:
        """Frames that make a latent, behind the clip's first."""
        return 2 ** sum(
            stage.sampler.halves_time for stage in self._stages if isinstance(stage.sampler, Downsample)
        )

    def latent(self, now: Pass, frames: Tensor) -> Tensor:
        """frames (n, H, W, 3): the clip's first one, or as many as make a latent -> moments (h, w, 2 z)
        float32."""
        return self.moments(now, self.small(now, frames))

    def small(self, now: Pass, frames: Tensor) -> Measured:
        """Through all layers in front of those at the latents' size: as in `latent` -> (h, w, C)."""
        flow = self._enter(now, frames)
        for stage in self._stages[:-1]:
            flow = self._through(stage, flow, stage.at_once(now))
        ((_, out),) = flow
        return out

    def moments(self, now: Pass, small: Measured) -> Tensor:
        """Through the layers behind `small`: its map, which is released -> as from `latent`."""
        (x,) = self._stages[-1].through_blocks(now, [small])
        x = self._mid(now, x)
        of = x.form
        out = torch.empty((of.height, of.width, self._conv_out.channels), device=now.kernels.device)
        self._conv_out(now, x, out)
        x.release()
        return out

    def _enter(self, now: Pass, frames: Tensor) -> Iterator[tuple[Pass, Measured]]:
        given = [Given(frame.to(self._dtype)) for frame in frames]
        for part, source in in_turn(now, given):
            x = Map(replace(source.form, channels=self._conv_in.channels), now.buffers)
            self._conv_in(part, source, x)
            yield part, x

    def _through(
        self, stage: Stage, flow: Iterator[tuple[Pass, Measured]], size: int
    ) -> Iterator[tuple[Pass, Measured]]:
        """At most `size` frames at a time through the blocks, one at a time through the sampler."""
        for now, entering in grouped(flow, size):
            for part, source in in_turn(now, stage.through_blocks(now, entering)):
                assert isinstance(stage.sampler, Downsample)
                smaller = stage.sampler(part, source)
                source.release()
                if smaller is not None:
                    yield part, smaller


def each(modules: object, kind: type[Kind]) -> list[Kind]:
    """The modules of a list, whose kind torch does not tell a type checker."""
    assert isinstance(modules, nn.ModuleList)
    found = [module for module in modules if isinstance(module, kind)]
    assert len(found) == len(modules)
    return found


def in_turn(now: Pass, group: Sequence[AnySource]) -> Iterator[tuple[Pass, AnySource]]:
    """One frame of a group after the other; all but the last have frames behind them."""
    for source in group[:-1]:
        yield replace(now, keep=True), source
    yield now, group[-1]


def grouped(flow: Iterator[tuple[Pass, Measured]], size: int) -> Iterator[tuple[Pass, list[Measured]]]:
    """Groups of `size` frames, the last one of what is left, each with its last frame's pass."""
    while batch := list(islice(flow, size)):
        yield batch[-1][0], [source for _, source in batch]
