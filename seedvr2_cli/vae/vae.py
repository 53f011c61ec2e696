"""VideoVAE: whole clips or streams, encoded and decoded, in any cut of time and with or without tiles."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.base.errors import DeviceError, ShapeError, WeightsError
from seedvr2_cli.ops.exact import exact_float32
from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.slot_convs import PLAIN_CHOICE, ConvChoice
from seedvr2_cli.plan.slices import slice_frames
from seedvr2_cli.plan.tiles import Tile
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.engine import Engine
from seedvr2_cli.vae.engine.memory import ClipMemory
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.network import Network
from seedvr2_cli.vae.overlap import TiledMemory, TileGrid, decode_tiled, encode_tiled, tile_grid
from seedvr2_cli.vae.posterior import Posterior
from seedvr2_cli.vae.reach import Reach, reach_of
from seedvr2_cli.vae.recut import check_count, recut

ENDLESS = 1 << 40  # latents

State = tuple[ClipMemory | TiledMemory, ...]  # one for each clip of a batch


class VideoVAE:
    """SeedVR2's video VAE with its weights, on one device. It keeps nothing from one call to the next.

    dtype: the type of weights and layers; results are float32. network: the weights, which move into the
    engine half by half, when a half is first used. kernels: None takes what is best here; convs: which convs
    a back end takes whole. Every call may be
    given a Tile; without one the whole picture goes through, exactly, in the way that `way` says.
    """

    def __init__(
        self,
        config: VAEConfig,
        network: Network,
        *,
        device: torch.device,
        dtype: torch.dtype,
        kernels: Kernels | None = None,
        convs: ConvChoice = PLAIN_CHOICE,
    ) -> None:
        self.config = config
        self.device = device
        self.dtype = dtype
        self.engine = Engine(network, device, dtype, kernels, convs)
        self._group = config.temporal_factor
        self._slice = slice_frames(config.slicing_sample_min_size, config.temporal_factor)

    @property
    def reach(self) -> Reach:
        """How many latents earlier a clip must be begun so that later ones come out as if it were whole."""
        reach = reach_of(self.config)
        if any(".upsamplers." in name for name in self.engine.choice.chosen):
            return replace(reach, decode=ENDLESS)  # the clip's first frame sets their scale
        return reach

    def encode(self, x: Tensor, *, tile: Tile | None = None, way: Way | None = None) -> Posterior:
        """Encode a whole clip.

        x: (B, 3, T, H, W) in [-1, 1], T = 4n + 1. Returns a Posterior of (B, 16, n + 1, H // 8, W // 8),
        unscaled. Raises ShapeError for any other T, which would lose frames, and for sides below 8 pixels.
        """
        self._check_frames(x)
        check_count(x.shape[2], self._group)
        parts = list(self.encode_stream([x], tile=tile, way=way, length=x.shape[2]))
        return Posterior(torch.cat([p.mean for p in parts], 2), torch.cat([p.logvar for p in parts], 2))

    def decode(self, z: Tensor, *, tile: Tile | None = None, way: Way | None = None) -> Tensor:
        """Decode a whole clip.

        z: (B, 16, n + 1, h, w), unscaled. Returns (B, 3, 4n + 1, 8h, 8w), about [-1, 1], not clamped,
        float32.
        """
        self._check_latents(z)
        return torch.cat(list(self.decode_stream([z], tile=tile, way=way, length=z.shape[2])), dim=2)

    def encode_stream(
        self,
        frames: Tensor | Iterable[Tensor],
        *,
        tile: Tile | None = None,
        way: Way | None = None,
        length: int | None = None,
    ) -> Iterator[Posterior]:
        """Encode a clip that comes in pieces (B, 3, t, H, W) of any t, in memory that does not grow.

        frames: the pieces, or the whole clip. length: how many frames will come, where that is known: nothing
        is then remembered for frames behind the last. Yields a Posterior for every slice of time. Raises
        ShapeError as `encode` does, for a wrong T at the end.
        """
        pieces = _checked(frames, self._check_frames)
        slices = recut(pieces, later=self._slice, multiple=self._group, total=_length(frames, length))
        for moments in self._through(slices, tile, way or Way(), encoding=True):
            yield Posterior.from_moments(moments)

    def decode_stream(
        self,
        latents: Tensor | Iterable[Tensor | Posterior],
        *,
        tile: Tile | None = None,
        way: Way | None = None,
        length: int | None = None,
    ) -> Iterator[Tensor]:
        """Decode latents that come in pieces (B, 16, t, h, w) of any t; yields the frames of every slice.

        latents: the pieces, as tensors or as `encode_stream` yields them, or the whole clip's. length: how
        many latents will come, where that is known.
        """
        pieces = _checked(latents, self._check_latents)
        later = self._slice // self._group
        slices = recut(pieces, later=later, multiple=1, total=_length(latents, length))
        yield from self._through(slices, tile, way or Way(), encoding=False)

    def drop_encoder(self) -> None:
        """Give up the encoder's weights: only decoding is left. Encoding raises WeightsError from then on."""
        self.engine.drop_encoder()

    @torch.no_grad()
    def encode_slice(
        self,
        x: Tensor,
        state: State | None,
        *,
        tile: Tile | None = None,
        way: Way | None = None,
        last: bool = False,
    ) -> tuple[Tensor, State]:
        """Encode the next frames of a clip; slices come in order.

        x: (B, 3, t, H, W); state: None for the first slice (t = 4n + 1), then what the last call returned
        (t = 4n), which is used up. tile: read with the first slice alone, later ones go as it did. last: no
        more frames follow. Returns moments (B, 32, t', h, w) float32, logvar not clamped, and the new state.
        """
        way = way or Way()
        state = state or self._start(x, tile, way, encoding=True)
        with exact_float32(self.device, self.dtype):
            clips = [self._encoded(clip, memory, way, last) for clip, memory in zip(x, state, strict=True)]
        return self._whole("encoder", clips), state

    @torch.no_grad()
    def decode_slice(
        self,
        z: Tensor,
        state: State | None,
        *,
        tile: Tile | None = None,
        way: Way | None = None,
        last: bool = False,
    ) -> tuple[Tensor, State]:
        """Decode the next latents of a clip; slices come in order.

        z: (B, 16, t, h, w); state, tile, last: as in `encode_slice`. Returns (B, 3, n, 8h, 8w) float32, not
        clamped, and the new state; n = 4t - 3 in the first slice (its first latent is one frame), else 4t.
        """
        way = way or Way()
        state = state or self._start(z, tile, way, encoding=False)
        with exact_float32(self.device, self.dtype):
            clips = [self._decoded(clip, memory, way, last) for clip, memory in zip(z, state, strict=True)]
        return self._whole("decoder", clips), state

    def _start(self, x: Tensor, tile: Tile | None, way: Way, *, encoding: bool) -> State:
        """The state of clips that have not begun; in tiles where the picture is larger than one."""
        grid = self._grid(x, tile, encoding=encoding)
        if grid is None:
            return self.engine.start(way, len(x))
        return tuple(TiledMemory.start(self.engine, grid, way) for _ in x)

    def _encoded(self, clip: Tensor, memory: ClipMemory | TiledMemory, way: Way, last: bool) -> Tensor:
        if isinstance(memory, TiledMemory):
            return encode_tiled(self.engine, clip, memory, way, last)
        return self.engine.encode(clip, memory, way, last)

    def _decoded(self, clip: Tensor, memory: ClipMemory | TiledMemory, way: Way, last: bool) -> Tensor:
        if isinstance(memory, TiledMemory):
            return decode_tiled(self.engine, clip, memory, way, last)
        return self.engine.decode(clip, memory, way, last)

    def _whole(self, half: str, clips: Sequence[Tensor]) -> Tensor:
        """The batch, if every value in it is a number."""
        out = torch.stack(tuple(clips)) if len(clips) > 1 else clips[0].unsqueeze(0)
        if bool(torch.isfinite(out).all()):
            return out
        if self.dtype == torch.float16:
            what = f"the {half}'s values leave the range of float16"
            raise WeightsError(what, do="take --dtype bfloat16 or float32")
        what = f"the {half} gives values that are not finite"
        raise WeightsError(what, do="check the weight file and the input")

    def _through(
        self, slices: Iterable[tuple[Tensor, bool]], tile: Tile | None, way: Way, *, encoding: bool
    ) -> Iterator[Tensor]:
        """Take slices through one half in order."""
        state: State | None = None
        half = self.encode_slice if encoding else self.decode_slice
        for x, last in slices:
            try:
                out, state = half(x, state, tile=tile, way=way, last=last)
            except RuntimeError as error:  # also what torch raises where a CPU's memory is used up
                if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                    what = f"out of memory on {self.device} in a slice of {tuple(x.shape)}"
                    raise DeviceError(what, do="give a smaller --memory-budget") from error
                raise
            if last:
                state = None  # the memory goes before the last frames are looked at
            yield out

    def _grid(self, x: Tensor, tile: Tile | None, *, encoding: bool) -> TileGrid | None:
        if tile is None:
            return None
        factor = self.config.spatial_factor
        per_latent = factor if encoding else 1
        size = (x.shape[-1] // per_latent, x.shape[-2] // per_latent)
        grid = tile_grid(tile, size, factor, encoding=encoding)
        return grid if len(grid) > 1 else None

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


def _length(pieces: Any, length: int | None) -> int | None:
    return pieces.shape[2] if isinstance(pieces, Tensor) else length


def _checked(
    pieces: Tensor | Iterable[Tensor | Posterior], check: Callable[[Tensor], None]
) -> Iterator[Tensor]:
    for piece in [pieces] if isinstance(pieces, Tensor) else pieces:
        values = piece.mean if isinstance(piece, Posterior) else piece
        check(values)
        yield values
