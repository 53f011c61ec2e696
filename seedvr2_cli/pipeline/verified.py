"""A VAE in FP8 that is held against 16 bits on the first slice of time, before a run goes on with it."""

from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

from seedvr2_cli.base.errors import CheckFailed
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.units import say_psnr
from seedvr2_cli.pipeline.agreement import psnr_of
from seedvr2_cli.pipeline.held_back import held_back
from seedvr2_cli.pipeline.options import Fp8Options
from seedvr2_cli.plan.tiles import Tile
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.posterior import Posterior
from seedvr2_cli.vae.reach import Reach
from seedvr2_cli.vae.vae import VideoVAE

PART = "BLACKWELL_ENGINE"
FIRST_LATENTS = 2  # that a clip's first slice of time has


class Verified:
    """A `ClipModel`. plain: loads the same weights in 16 bits, each time they are needed: they take memory
    beside those of `vae` while a half is looked at.

    Each half is looked at once. Where it falls below the limit, the 16-bit one takes its place, or, if
    strict, CheckFailed ends the run.
    """

    def __init__(
        self, vae: VideoVAE, plain: Callable[[], VideoVAE], options: Fp8Options, reporter: Reporter
    ) -> None:
        self._vae = vae
        self._plain = plain
        self._options = options
        self._reporter = reporter
        self._encoder: VideoVAE | None = None  # the ones that were settled on
        self._decoder: VideoVAE | None = None

    @property
    def config(self) -> VAEConfig:
        return self._vae.config

    @property
    def reach(self) -> Reach:
        """That of the VAE in FP8, which looks back at least as far."""
        return self._vae.reach

    def encode_stream(
        self, frames: Iterable[Tensor], *, tile: Tile | None, way: Way | None, length: int | None
    ) -> Iterator[Posterior]:
        if self._encoder is None:
            factor = self.config.temporal_factor
            first, frames = held_back(frames, 1 + (FIRST_LATENTS - 1) * factor)
            count = 1 + (first.shape[2] - 1) // factor * factor
            self._encoder = self._settle_encoder(first[:, :, :count], tile, way)
        yield from self._encoder.encode_stream(frames, tile=tile, way=way, length=length)

    def decode_stream(
        self, latents: Iterable[Tensor], *, tile: Tile | None, way: Way | None, length: int | None
    ) -> Iterator[Tensor]:
        if self._decoder is None:
            first, latents = held_back(latents, FIRST_LATENTS)
            self._decoder = self._settle_decoder(first, tile, way)
        yield from self._decoder.decode_stream(latents, tile=tile, way=way, length=length)

    def drop_encoder(self) -> None:
        for vae in {self._vae, self._encoder} - {None}:
            assert vae is not None
            vae.drop_encoder()

    def _settle_encoder(self, frames: Tensor, tile: Tile | None, way: Way | None) -> VideoVAE:
        """The encoder's latents count for what 16 bits decode of them."""
        plain = self._plain()
        ours, theirs = (vae.encode(frames, tile=tile, way=way).mean for vae in (self._vae, plain))
        psnr = psnr_of(plain.decode(theirs, way=way), plain.decode(ours, way=way))
        return self._chosen("encoding", psnr, plain)

    def _settle_decoder(self, latents: Tensor, tile: Tile | None, way: Way | None) -> VideoVAE:
        plain = self._plain()
        ours, theirs = (vae.decode(latents, tile=tile, way=way) for vae in (self._vae, plain))
        return self._chosen("decoding", psnr_of(theirs, ours), plain)

    def _chosen(self, half: str, psnr: float, plain: VideoVAE) -> VideoVAE:
        dtype = str(plain.dtype).removeprefix("torch.")
        found = f"{half}, first slice: {say_psnr(psnr)} against {dtype}"
        if psnr >= self._options.min_psnr:
            self._reporter.emit(Line(PART, f"Verified {found}", ok=True))
            return self._vae
        low = f"{found}, below {say_psnr(self._options.min_psnr)}"
        if self._options.strict:
            raise CheckFailed(low, where="--strict", do="run without --fp8, or lower --min-psnr")
        self._reporter.emit(Line(PART, f"{low}: it goes on in {dtype}", level=Level.WARNING))
        return plain
