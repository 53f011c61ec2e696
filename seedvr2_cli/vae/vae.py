"""VideoVAE: whole clips or streams, encoded and decoded, in any cut of time and with or without tiles."""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.base.errors import DeviceError, ShapeError, WeightsError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.plan.slices import slice_frames
from seedvr2_cli.plan.tiles import Tile
from seedvr2_cli.vae.cache import CausalCache
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Decoder, Encoder, Network
from seedvr2_cli.vae.overlap import Step, TileGrid, run_tiles, tile_grid
from seedvr2_cli.vae.posterior import Posterior
from seedvr2_cli.vae.recut import check_count, recut

HOST = torch.device("cpu")


class VideoVAE:
    """SeedVR2's video VAE with its weights, on one device. It keeps nothing from one call to the next.

    dtype: the type of weights and layers; results are float32. Every call may be given a Tile; without one
    the whole picture goes through at once.
    """

    def __init__(
        self,
        config: VAEConfig,
        network: Network,
        *,
        device: torch.device,
        dtype: torch.dtype,
        reporter: Reporter,
    ) -> None:
        self.config = config
        self.network = network
        self.device = device
        self.dtype = dtype
        self._reporter = reporter
        self._group = config.temporal_factor
        self._slice = slice_frames(config.slicing_sample_min_size, config.temporal_factor)

    def encode(self, x: Tensor, *, tile: Tile | None = None) -> Posterior:
        """Encode a whole clip.

        x: (B, 3, T, H, W) in [-1, 1], T = 4n + 1. Returns a Posterior of (B, 16, n + 1, H // 8, W // 8),
        unscaled. Raises ShapeError for any other T, which would lose frames, and for sides below 8 pixels.
        """
        self._check_frames(x)
        check_count(x.shape[2], self._group)
        parts = list(self.encode_stream([x], tile=tile))
        return Posterior(torch.cat([p.mean for p in parts], 2), torch.cat([p.logvar for p in parts], 2))

    def decode(self, z: Tensor, *, tile: Tile | None = None) -> Tensor:
        """Decode a whole clip.

        z: (B, 16, n + 1, h, w), unscaled. Returns (B, 3, 4n + 1, 8h, 8w), about [-1, 1], not clamped,
        float32.
        """
        return torch.cat(list(self.decode_stream([z], tile=tile)), dim=2)

    def encode_stream(
        self, frames: Tensor | Iterable[Tensor], *, tile: Tile | None = None
    ) -> Iterator[Posterior]:
        """Encode a clip that comes in pieces (B, 3, t, H, W) of any t, in memory that does not grow.

        frames: the pieces, or the whole clip. Yields a Posterior for every slice of time. Raises ShapeError
        as `encode` does, for a wrong T at the end.
        """
        slices = recut(_checked(frames, self._check_frames), later=self._slice, multiple=self._group)
        for moments in self._through(slices, self.encode_slice, tile, encoding=True):
            yield Posterior.from_moments(moments)

    def decode_stream(
        self, latents: Tensor | Iterable[Tensor | Posterior], *, tile: Tile | None = None
    ) -> Iterator[Tensor]:
        """Decode latents that come in pieces (B, 16, t, h, w) of any t; yields the frames of every slice.

        latents: the pieces, as tensors or as `encode_stream` yields them, or the whole clip's.
        """
        slices = recut(_checked(latents, self._check_latents), later=self._slice // self._group, multiple=1)
        yield from self._through(slices, self.decode_slice, tile, encoding=False)

    @torch.no_grad()
    def encode_slice(self, x: Tensor, cache: CausalCache | None) -> tuple[Tensor, CausalCache]:
        """Encode the next frames of a clip; slices come in order.

        x: (B, 3, t, H, W); cache: None for the first slice (t = 4n + 1), then what the last call returned
        (t = 4n). Returns moments (B, 32, t', h, w) float32, logvar not clamped, and the new cache.
        """
        return self._finite("encoder", self.network.encoder, x, cache)

    @torch.no_grad()
    def decode_slice(self, z: Tensor, cache: CausalCache | None) -> tuple[Tensor, CausalCache]:
        """Decode the next latents of a clip; slices come in order.

        z: (B, 16, t, h, w); cache: as in `encode_slice`. Returns (B, 3, n, 8h, 8w) float32, not clamped, and
        the new cache; n = 4t - 3 in the first slice (its first latent is one frame), else 4t.
        """
        return self._finite("decoder", self.network.decoder, z, cache)

    def _finite(
        self, name: str, half: Encoder | Decoder, x: Tensor, cache: CausalCache | None
    ) -> tuple[Tensor, CausalCache]:
        """Run a slice; if 16 bits overflow, run it again in float32 from the cache it started with."""
        out, new = self._run(half, x.to(self.device, self.dtype), cache)
        if torch.isfinite(out).all():
            return out, new
        if self.dtype != torch.float32:
            kind = str(self.dtype).removeprefix("torch.")
            text = f"a slice of the {name} was not finite in {kind}; redone in float32"
            self._reporter.emit(Line("VAE", text, level=Level.WARNING))
            out, new = self._run(copy.deepcopy(half).float(), x.to(self.device, torch.float32), cache)
            if torch.isfinite(out).all():
                return out, new
        what = f"the {name} gives values that are not finite, in float32 too"
        raise WeightsError(what, do="check the weight file and the input")

    def _run(
        self, half: Encoder | Decoder, x: Tensor, cache: CausalCache | None
    ) -> tuple[Tensor, CausalCache]:
        try:
            out, new = half(x, cache)
        except RuntimeError as error:  # also what torch raises where a CPU's memory is used up
            if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                what = f"out of memory on {self.device} in a slice of {tuple(x.shape)}"
                raise DeviceError(what, do="take smaller tiles, or --dtype bfloat16") from error
            raise
        return out.float(), new

    def _through(
        self, slices: Iterable[Tensor], step: Step, tile: Tile | None, *, encoding: bool
    ) -> Iterator[Tensor]:
        """Take slices through one half in order, in tiles where the picture is larger than one."""
        state: Any = None  # one cache, or one for each tile
        grid: TileGrid | None = None
        for x in slices:
            if state is None:
                grid = self._grid(x, tile, encoding=encoding)
            if grid is None:
                out, state = step(x, state)
            else:
                out, state = run_tiles(grid, self._parked(step), x, state)
            yield out

    def _grid(self, x: Tensor, tile: Tile | None, *, encoding: bool) -> TileGrid | None:
        if tile is None:
            return None
        factor = self.config.spatial_factor
        per_latent = factor if encoding else 1
        size = (x.shape[-1] // per_latent, x.shape[-2] // per_latent)
        grid = tile_grid(tile, size, factor, encoding=encoding)
        return grid if len(grid) > 1 else None

    def _parked(self, step: Step) -> Step:
        """A step whose cache waits in host memory while other tiles have their turn."""

        def parked(x: Tensor, cache: CausalCache | None) -> tuple[Tensor, CausalCache]:
            out, new = step(x, cache.to(self.device) if cache is not None else None)
            return out, new.to(HOST)

        return parked

    def _check_frames(self, x: Tensor) -> None:
        factor = self.config.spatial_factor
        if x.dim() != 5 or x.shape[1] != self.config.in_channels or not x.is_floating_point():
            wanted = f"(B, {self.config.in_channels}, T, H, W) of floats in [-1, 1]"
            raise ShapeError(f"frames of {tuple(x.shape)} {x.dtype}, not {wanted}")
        if min(x.shape) < 1 or min(x.shape[-2:]) < factor:
            raise ShapeError(f"frames of {tuple(x.shape)}: sides below {factor} pixels", do="pad them first")

    def _check_latents(self, z: Tensor) -> None:
        if z.dim() != 5 or z.shape[1] != self.config.latent_channels or not z.is_floating_point():
            wanted = f"(B, {self.config.latent_channels}, T, h, w) of floats"
            raise ShapeError(f"latents of {tuple(z.shape)} {z.dtype}, not {wanted}")
        if min(z.shape) < 1:
            raise ShapeError(f"latents of {tuple(z.shape)} are empty")


def _checked(
    pieces: Tensor | Iterable[Tensor | Posterior], check: Callable[[Tensor], None]
) -> Iterator[Tensor]:
    for piece in [pieces] if isinstance(pieces, Tensor) else pieces:
        values = piece.mean if isinstance(piece, Posterior) else piece
        check(values)
        yield values
