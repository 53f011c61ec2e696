"""The engine: both halves, made when they are first used, and the way a clip is taken through them."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.on_cpu.heap import give_back, weights_apart
from seedvr2_cli.ops.select import choose_kernels, strip_elements
from seedvr2_cli.ops.slot_convs import PLAIN_CHOICE, ConvChoice
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.frames import Strips
from seedvr2_cli.vae.engine.memory import ClipMemory
from seedvr2_cli.vae.engine.program import Build, Decoder, Encoder
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.network import Network

Half = TypeVar("Half", Encoder, Decoder)


class Engine:
    """The layers of a network, packed for a device's kernels; the network's own weights are given up.

    kernels: None takes what `choose_kernels` finds. choice: which convs are taken whole, and by what.
    """

    def __init__(
        self,
        network: Network,
        device: torch.device,
        dtype: torch.dtype,
        kernels: Kernels | None = None,
        choice: ConvChoice = PLAIN_CHOICE,
    ) -> None:
        self._network = network
        self._device = device
        self._dtype = dtype
        self.kernels = kernels or choose_kernels(device, dtype).kernels
        self.choice = choice
        self._encoder: Encoder | None = None
        self._decoder: Decoder | None = None
        self._encodes = True

    def prepare(self, way: Way, *, encoder: bool = False, decoder: bool = False) -> None:
        """Make the halves that will be used, where that has not been done; for frames in pairs, if way has
        them so."""
        if encoder and not self._encodes:
            raise WeightsError("the encoder was given up", do="load the VAE again")
        build = Build(self.kernels, self._dtype, winograd=way.in_pairs, choice=self.choice)
        if encoder and self._encoder is None:
            self._encoder = self._made(lambda: Encoder(build, self._network.encoder), self._network.encoder)
        if decoder and self._decoder is None:
            self._decoder = self._made(lambda: Decoder(build, self._network.decoder), self._network.decoder)

    def drop_encoder(self) -> None:
        """Give up the encoder and its weights: nothing more can be encoded."""
        self._encoder, self._encodes = None, False
        self._network.encoder.to("meta")
        self._give_back()

    def weights(self) -> list[Tensor]:
        """The weights as loaded, of the halves that have not been made yet."""
        return [weight for weight in self._network.state_dict().values() if weight.device.type != "meta"]

    def start(self, way: Way, clips: int) -> tuple[ClipMemory, ...]:
        """The memory of clips that have not begun."""
        return tuple(ClipMemory(self._device, folder=way.cache_folder) for _ in range(clips))

    def encode(self, x: Tensor, memory: ClipMemory, way: Way, last: bool) -> Tensor:
        """x: (3, t, H, W), the first slice 4n + 1 frames, later ones 4n -> moments (2 z, t', h, w)."""
        self.prepare(way, encoder=True)
        assert self._encoder is not None
        frames = x.permute(1, 2, 3, 0).to(self._device, self._dtype).contiguous()
        firsts = [0] if not memory.begun else []
        step = self._encoder.frames_per_latent
        cuts = [(f, f + 1) for f in firsts] + [(f, f + step) for f in range(len(firsts), len(frames), step)]
        latents = [
            self._encoder.latent(
                self._pass(memory, way, keep=not (last and end == len(frames))), frames[begin:end]
            )
            for begin, end in cuts
        ]
        return torch.stack(latents).permute(3, 0, 1, 2)

    def decode(self, z: Tensor, memory: ClipMemory, way: Way, last: bool) -> Tensor:
        """z: (C, t, h, w) -> frames (3, T, H, W)."""
        self.prepare(way, decoder=True)
        assert self._decoder is not None
        latents = z.permute(1, 2, 3, 0).to(self._device, self._dtype).contiguous()
        frames: list[Tensor] = []
        for k, latent in enumerate(latents):
            now = self._pass(memory, way, keep=not (last and k == len(latents) - 1))
            frames += self._decoder.latent(now, latent)
        return torch.stack(frames).permute(3, 0, 1, 2)

    def _pass(self, memory: ClipMemory, way: Way, *, keep: bool) -> Pass:
        memory.begun = True
        strips = Strips(way.strip_rows, strip_elements(self._device))
        return Pass(self.kernels, memory, strips, keep, way.in_pairs, way.stores_last)

    def _made(self, make: Callable[[], Half], source: nn.Module) -> Half:
        """The packed half; the weights that it was made of are given up."""
        with weights_apart() if self._device.type == "cpu" else nullcontext():
            half = make()
            source.to("meta")
        self._give_back()
        return half

    def _give_back(self) -> None:
        if self._device.type == "cpu":
            give_back()
