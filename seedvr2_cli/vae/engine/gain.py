"""Whether convs in 8 bits are worth it here: tried on a ResNet block with all that is in it but the convs."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.probe import seconds
from seedvr2_cli.ops.select import strip_elements
from seedvr2_cli.ops.slot_convs import PLAIN_CHOICE, ConvChoice, SlotConvs
from seedvr2_cli.vae.engine.buffers import Form
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.frames import Map, Strips
from seedvr2_cli.vae.engine.memory import ClipMemory, Room
from seedvr2_cli.vae.engine.program import Build, Maker
from seedvr2_cli.vae.layers import ResnetBlock
from seedvr2_cli.vae.network import Network

SIDE = 64  # of the frames that are tried on
ROUNDS = 3
WORTH = 1.4  # of a block: with AMX 1.19 of one left 1.03 of a whole decode, with AVX-512 VNNI 2.3 left 1.5


@torch.no_grad()
def block_gain(network: Network, kernels: Kernels, eight: SlotConvs, dtype: torch.dtype) -> float:
    """How many times as fast a block of the decoder's last but one stage is in 8 bits: the best of a few
    runs of each, in turns, two frames at a time in a clip's steady state. The network has its weights."""
    stage = len(network.decoder.up_blocks) - 2
    name = f"decoder.up_blocks.{max(0, stage)}.resnets.1"
    names = frozenset(f"{name}.{conv}" for conv in ("conv1", "conv2"))
    block = network.get_submodule(name)
    assert isinstance(block, ResnetBlock)
    runs = [
        _runner(network, block, Build(kernels, dtype, choice=choice))
        for choice in (PLAIN_CHOICE, ConvChoice(eight=eight, chosen=names))
    ]
    times = [[seconds(run, kernels.device) for run in runs] for _ in range(ROUNDS)]
    plain, coded = (min(taken) for taken in zip(*times, strict=True))
    return plain / coded


def _runner(network: Network, block: ResnetBlock, build: Build) -> Callable[[], None]:
    """A run of the block over two frames of noise, made and warm."""
    kernels, channels = build.kernels, block.conv1.weight.shape[1]
    made = Maker(build, network.decoder, "decoder").resnet(block, in_pairs=True)
    memory = ClipMemory(Room(kernels.device))
    now = Pass(kernels, memory, Strips(None, strip_elements(kernels.device)), keep=True)
    noise = torch.randn(2, SIDE, SIDE, channels, generator=torch.Generator().manual_seed(0))
    given = list(noise.to(kernels.device, build.dtype))

    def run(frames: Sequence[Tensor]) -> None:
        sources = []
        for frame in frames:
            source = Map(Form(SIDE, SIDE, channels, build.dtype), memory.buffers)
            source.data.copy_(frame)
            source.wrote(kernels.moments(source.data))
            sources.append(source)
        for out in made(now, sources):
            out.release()

    run(given[:1])  # a clip's first frame comes alone
    run(given)
    return lambda: run(given)
