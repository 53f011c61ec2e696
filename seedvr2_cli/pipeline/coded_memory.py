"""A VAE whose causal memory is held in 8 bits, and a line for each half that says how far off that is."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_psnr
from seedvr2_cli.pipeline.agreement import psnr_of
from seedvr2_cli.pipeline.held_back import held_back
from seedvr2_cli.pipeline.model import ClipModel
from seedvr2_cli.plan.tiles import Tile
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.plan import Plan
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.posterior import Posterior
from seedvr2_cli.vae.reach import Reach

LATENTS = 3  # that are looked at: the second and third read what those before them left
SIDE = 32  # latents of the piece's sides, at most


def told(vae: ClipModel, plan: Plan | None, reporter: Reporter) -> ClipModel:
    """The VAE; where the plan holds its memory in 8 bits, one that says what that does."""
    return CodedMemory(vae, reporter) if plan is not None and plan.way.codes_memory else vae


class CodedMemory:
    """A `ClipModel` that tries a piece from the middle of a clip's first latents both ways, once for each
    half, when it is first used."""

    def __init__(self, vae: ClipModel, reporter: Reporter) -> None:
        self._vae = vae
        self._reporter = reporter
        self._said: set[str] = set()

    @property
    def config(self) -> VAEConfig:
        return self._vae.config

    @property
    def reach(self) -> Reach:
        return self._vae.reach

    def drop_encoder(self) -> None:
        self._vae.drop_encoder()

    def encode_stream(
        self, frames: Iterable[Tensor], *, tile: Tile | None, way: Way | None, length: int | None
    ) -> Iterator[Posterior]:
        if "encoding" not in self._said and way is not None:
            group = self.config.temporal_factor
            first, frames = held_back(frames, 1 + group * (LATENTS - 1))
            whole = first[:, :, : 1 + (first.shape[2] - 1) // group * group]
            piece = _middle(whole, SIDE * self.config.spatial_factor)
            exact, coded = (
                torch.cat(
                    [part.mean for part in self._vae.encode_stream([piece], tile=None, way=w, length=None)], 2
                )
                for w in _both(way)
            )
            self._say("encoding", f"latents {_say_snr(exact, coded)} (signal to noise)")
        yield from self._vae.encode_stream(frames, tile=tile, way=way, length=length)

    def decode_stream(
        self, latents: Iterable[Tensor], *, tile: Tile | None, way: Way | None, length: int | None
    ) -> Iterator[Tensor]:
        if "decoding" not in self._said and way is not None:
            first, latents = held_back(latents, LATENTS)
            piece = _middle(first, SIDE)
            exact, coded = (
                torch.cat(list(self._vae.decode_stream([piece], tile=None, way=w, length=None)), 2)
                for w in _both(way)
            )
            self._say("decoding", f"frames {say_psnr(psnr_of(exact, coded))}")
        yield from self._vae.decode_stream(latents, tile=tile, way=way, length=length)

    def _say(self, half: str, found: str) -> None:
        self._said.add(half)
        text = f"causal memory in 8 bits, {half}: {found} against all of it, on a piece of the first latents"
        self._reporter.emit(Line("Plan", text))


def _both(way: Way) -> tuple[Way, Way]:
    near = replace(way, parks=None, cache_folder=None)
    return replace(near, codes_memory=False), near


def _middle(clip: Tensor, side: int) -> Tensor:
    """A piece of (1, C, T, H, W) of at most side x side."""
    for dim in (3, 4):
        size = clip.shape[dim]
        clip = clip.narrow(dim, max(0, size - side) // 2, min(side, size))
    return clip


def _say_snr(exact: Tensor, coded: Tensor) -> str:
    noise = float((coded - exact).double().square().sum())
    signal = float(exact.double().square().sum())
    return say_psnr(10 * math.log10(signal / noise) if noise else math.inf)
