"""Parts of the VAE in a clip's steady state, as jobs to be timed: a conv, a stage, a slice, by each back end.

A job does the same work every time it is called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.bench.clips import noise_clip
from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.select import strip_elements
from seedvr2_cli.vae import layers, network
from seedvr2_cli.vae.cache import Walk
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.buffers import Form, Scratch, Tally
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.engine import Engine
from seedvr2_cli.vae.engine.filters import SummedFilter
from seedvr2_cli.vae.engine.frames import Map, Strips
from seedvr2_cli.vae.engine.memory import ClipMemory, Room
from seedvr2_cli.vae.engine.program import Build, Maker, Stage, each
from seedvr2_cli.vae.engine.samplers import DoubledUpsample, Downsample, StillUpsample
from seedvr2_cli.vae.engine.triple import Triple
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.network import Network, weight_dtype
from seedvr2_cli.weights.assign import assign
from seedvr2_cli.weights.open import open_weights

Job = Callable[[], object]
Block = network.DownBlock | network.UpBlock


@dataclass(frozen=True)
class Part:
    """name: of the module, as in the network with its half. at_once: frames that the engine takes through it
    at a time; longer: frames outside for each of them."""

    name: str
    at_once: int
    longer: int

    @property
    def frames(self) -> int:
        """Frames outside that one run stands for."""
        return self.at_once * self.longer

    @property
    def label(self) -> str:
        """As in `decoder up 3`."""
        half, block, index = self.name.split(".")[:3]
        return f"{half} {block.partition('_')[0]} {index}"

    @property
    def half(self) -> str:
        return self.name.partition(".")[0]

    @property
    def index(self) -> int:
        """Of the block that it is, or is in."""
        return int(self.name.split(".")[2])


@dataclass(frozen=True)
class Setting:
    """Where parts run. size: (width, height) of the picture outside."""

    config: VAEConfig
    network: Network
    device: torch.device
    dtype: torch.dtype
    size: tuple[int, int]

    def at(self, part: Part) -> tuple[int, int, int, int]:
        """Frames at a time, height, width and channels of a block's input."""
        widths, index = self.config.block_out_channels, part.index
        encodes = part.half == "encoder"
        if not encodes:
            widths = widths[::-1]
        halvings = index if encodes else len(widths) - 1 - index
        channels = widths[max(0, index - 1)]
        width, height = self.size
        return part.at_once, height >> halvings, width >> halvings, channels

    def noise(self, shape: Sequence[int]) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(self.device, self.dtype)

    def strips(self) -> Strips:
        return Strips(None, strip_elements(self.device))


def plain_network(path: Path, config: VAEConfig, device: torch.device, dtype: torch.dtype) -> Network:
    """The network as published, with the weights of a file: what everything faster is compared with."""
    made = Network.on_meta(config)
    with open_weights(path) as source:
        assign(made, source, dtype_of=lambda name: weight_dtype(name, dtype), device=device)
    return made


def parts_of(config: VAEConfig) -> tuple[list[Part], list[Part]]:
    """Convs to be timed, the widest to the narrowest, and all stages."""
    last, timed = len(config.block_out_channels) - 1, config.temporal_scale_num
    stages = []
    for index in range(last + 1):
        for half, block in (("encoder", "down_blocks"), ("decoder", "up_blocks")):
            longer = 2 ** max(0, index - (last - timed) if half == "encoder" else timed - index)
            at_once = 2 if longer < config.temporal_factor else 1
            stages.append(Part(f"{half}.{block}.{index}", at_once, longer))
    decoder = [stage for stage in stages if stage.half == "decoder"]
    return [replace(stage, name=f"{stage.name}.resnets.1.conv1") for stage in decoder], stages


def conv_jobs(setting: Setting, part: Part, back_ends: Sequence[Kernels]) -> dict[str, Job]:
    """A conv of as many channels in as out over frames of noise, two of them remembered, by `conv3d` and by
    each back end."""
    module = setting.network.get_submodule(part.name)
    assert isinstance(module, layers.CausalConv3d)
    weight, bias = module.weight.detach(), module.bias.detach()
    frames, height, width, _ = setting.at(part)
    channels, outputs = weight.shape[1], weight.shape[0]
    slots = [setting.noise((height + 2, width, channels)) for _ in range(2 + frames)]
    x = torch.stack(slots).permute(3, 0, 1, 2).unsqueeze(0)
    jobs: dict[str, Job] = {"conv3d": partial(F.conv3d, x, weight, bias, padding=(0, 0, 1))}
    outs = [setting.noise((height, width, outputs)) for _ in range(frames)]
    for kernels in back_ends:
        pairs = frames == 2 and kernels.winograd_pays(channels, setting.dtype)
        triple = Triple(kernels, weight.unbind(2), bias, setting.dtype, columns=1, in_pairs=pairs)
        filter = SummedFilter(kernels, triple, setting.dtype)
        scratch = Scratch(setting.device, Tally())

        def job(filter: SummedFilter = filter, scratch: Scratch = scratch) -> None:
            for first, last in setting.strips().over(height, width * outputs):
                read = [slot[first : last + 2] for slot in slots]
                filter(read, 2, [out[first:last] for out in outs], None, scratch)

        jobs[kernels.name] = job
    return jobs


def stage_jobs(setting: Setting, part: Part, back_ends: Sequence[Kernels]) -> dict[str, Job]:
    """A stage with its sampler, by the plain network and by the engine with each back end."""
    block = setting.network.get_submodule(part.name)
    assert isinstance(block, Block)
    frames, height, width, channels = setting.at(part)
    given = [setting.noise((height, width, channels)) for _ in range(frames)]
    x = torch.stack(given).permute(3, 0, 1, 2).unsqueeze(0)
    start = Walk(None)
    block(x[:, :, :1], start)
    cache = start.cache()
    jobs: dict[str, Job] = {"plain network": lambda: block(x, Walk(cache))}
    for kernels in back_ends:
        run = _EngineStage(setting, part, block, kernels)
        run(given[:1])
        jobs[kernels.name] = partial(run, given)
    return jobs


def slice_jobs(setting: Setting, networks: Sequence[tuple[Kernels, Network]]) -> dict[str, dict[str, Job]]:
    """One latent's frames, by half: encoded or decoded by the plain network and by engines.

    networks: the weights for each engine, which uses them up.
    """
    x, z = noise_clip(setting.config, setting.size, 1 + setting.config.temporal_factor)
    x, z = x.to(setting.device, setting.dtype), z.to(setting.device, setting.dtype)
    plain = setting.network
    _, seen_x = plain.encoder(x[:, :, :1], None)
    _, seen_z = plain.decoder(z[:, :, :1], None)
    encode: dict[str, Job] = {"plain network": lambda: plain.encoder(x[:, :, 1:], seen_x)}
    decode: dict[str, Job] = {"plain network": lambda: plain.decoder(z[:, :, 1:], seen_z)}
    way = Way()
    for kernels, weights in networks:
        engine = Engine(weights, setting.device, setting.dtype, kernels)
        ((coded,), (decoded,)) = engine.start(way, 1), engine.start(way, 1)
        engine.encode(x[0], coded, way, False)
        engine.decode(z[0], decoded, way, False)
        encode[kernels.name] = partial(engine.encode, x[0, :, 1:], coded, way, False)
        decode[kernels.name] = partial(engine.decode, z[0, :, 1:], decoded, way, False)
    return {"encoder": encode, "decoder": decode}


class _EngineStage:
    """A stage as the engine runs it, with the memory of a clip of its own."""

    def __init__(self, setting: Setting, part: Part, block: Block, kernels: Kernels) -> None:
        half = setting.network.get_submodule(part.half)
        make = Maker(Build(kernels, setting.dtype), half, part.half)
        pairs = setting.at(part)[0] == 2
        resnets = each(block.resnets, layers.ResnetBlock)
        blocks = tuple(make.resnet(resnet, in_pairs=pairs) for resnet in resnets)
        self._stage = Stage(blocks, _sampler(make, block, pairs))
        self._memory = ClipMemory(Room(setting.device))
        self._pass = Pass(kernels, self._memory, setting.strips(), keep=True)

    def __call__(self, given: Sequence[Tensor]) -> None:
        group: list[Map] = [self._map(rows) for rows in given]
        for block in self._stage.blocks:
            group = block(self._pass, group)
        for made in self._sampled(group):
            made.release()

    def _sampled(self, group: list[Map]) -> list[Map]:
        sampler = self._stage.sampler
        if sampler is None:
            return group
        outs: list[Map] = []
        if isinstance(sampler, StillUpsample):
            outs = sampler(self._pass, group)
        else:
            for source in group:
                made = sampler(self._pass, source)
                outs += made if isinstance(made, list) else [made] if made else []
        for source in group:
            source.release()
        return outs

    def _map(self, rows: Tensor) -> Map:
        height, width, channels = rows.shape
        made = Map(Form(height, width, channels, rows.dtype), self._memory.buffers)
        made.data.copy_(rows)
        made.wrote(self._pass.kernels.moments(made.data))
        return made


def _sampler(make: Maker, block: Block, pairs: bool) -> Downsample | DoubledUpsample | StillUpsample | None:
    if isinstance(block, network.DownBlock):
        return next(map(make.downsample, each(block.downsamplers, layers.Downsample)), None)
    return next((make.upsample(up, in_pairs=pairs) for up in each(block.upsamplers, layers.Upsample)), None)
