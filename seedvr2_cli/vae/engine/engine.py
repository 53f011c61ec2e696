"""The engine: both halves, made when they are first used, and the way a clip is taken through them."""

from collections.abc import Callable, Iterator
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
from seedvr2_cli.vae.engine.memory import ClipMemory, Room
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
        room = Room(self._device, way)
        return tuple(ClipMemory(room) for _ in range(clips))

    def encode(self, x: Tensor, memory: ClipMemory, way: Way, last: bool) -> Tensor:
        """x: (3, t, H, W), the first slice 4n + 1 frames, later ones 4n -> moments (2 z, t', h, w)."""
        encoder = self.encoder(way)
        groups = self.frame_groups(x, encoder.frames_per_latent, memory.begun, last)
        latents = [encoder.latent(self.begin(memory, way, keep), frames) for frames, keep in groups]
        return torch.stack(latents).permute(3, 0, 1, 2)

    def decode(self, z: Tensor, memory: ClipMemory, way: Way, last: bool) -> Tensor:
        """z: (C, t, h, w) -> frames (3, T, H, W)."""
        decoder = self.decoder(way)
        frames: list[Tensor] = []
        for latent, keep in self.latents(z, last):
            frames += decoder.latent(self.begin(memory, way, keep), latent)
        return torch.stack(frames).permute(3, 0, 1, 2)

    def encoder(self, way: Way) -> Encoder:
        """Made where that has not been done."""
        self.prepare(way, encoder=True)
        assert self._encoder is not None
        return self._encoder

    def decoder(self, way: Way) -> Decoder:
        """Made where that has not been done."""
        self.prepare(way, decoder=True)
        assert self._decoder is not None
        return self._decoder

    def frame_groups(
        self, x: Tensor, per_latent: int, begun: bool, last: bool
    ) -> Iterator[tuple[Tensor, bool]]:
        """x: a slice as `encode` takes it -> the frames of each latent, (n, H, W, 3), and whether more
        follow."""
        frames = x.permute(1, 2, 3, 0).to(self._device, self._dtype).contiguous()
        for end in range(per_latent if begun else 1, len(frames) + 1, per_latent):
            yield frames[max(0, end - per_latent) : end], not (last and end == len(frames))

    def latents(self, z: Tensor, last: bool) -> Iterator[tuple[Tensor, bool]]:
        """z: a slice as `decode` takes it -> each latent, (h, w, C), and whether more follow."""
        latents = z.permute(1, 2, 3, 0).to(self._device, self._dtype).contiguous()
        for k, latent in enumerate(latents):
            yield latent, not (last and k == len(latents) - 1)

    def begin(self, memory: ClipMemory, way: Way, keep: bool) -> Pass:
        """What the next latent of a clip is taken through with. keep: more follow."""
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
