"""How much memory each way through the engine takes, found by a dry run, and the way that fits a budget."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.base.errors import DeviceError
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.ops.kernels import Kernels, Packed
from seedvr2_cli.ops.moments import Moments, Norm
from seedvr2_cli.ops.scales import Codes
from seedvr2_cli.ops.select import strip_elements
from seedvr2_cli.ops.slot_convs import PLAIN_CHOICE, Affine, ConvChoice, SlotConvs
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.frames import Range, Strips
from seedvr2_cli.vae.engine.memory import ClipMemory, Room
from seedvr2_cli.vae.engine.program import Build, Decoder, Encoder
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.network import Network

META = torch.device("meta")
PARKED_ROWS = (256, 64, 16)  # of strips beside slots in host memory: untried on a card
PIECES = 4  # strips' pieces alive at once beside the scratch: a conv's results, a shortcut's
PICTURE = 2 * 3 * 4  # bytes per pixel of a frame on its way in or out, twice, in float32
CLIP = 3  # latents after which a clip holds no more: the low stages see one frame of each, and hold two
OTHER = 96 << 20  # what oneDNN and the allocator hold beside the buffers (bench vae)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is planned for. size: (width, height) in pixels, multiples of the latents' factor. alone: one
    frame, not a clip. in_turn: all of a clip leaves one half before the other begins. budget: bytes above the
    loaded model, None: no bound. strip_rows: rows at a time, None: what suits. folder: where files may hold
    the causal memory, if it does not fit. way: not to be chosen any more. beside: bytes that are taken beside
    the VAE while it runs. host_budget: bytes of host memory that may hold causal memory beside a device that
    has memory of its own, None: no bound. codes_memory: as in Way."""

    size: tuple[int, int]
    alone: bool
    encodes: bool
    decodes: bool
    in_turn: bool = False
    budget: int | None = None
    strip_rows: int | None = None
    folder: Path | None = None
    way: Way | None = None
    beside: int = 0
    host_budget: int | None = None
    codes_memory: bool = False


@dataclass(frozen=True)
class _Job:
    config: VAEConfig
    dtype: torch.dtype
    device: torch.device
    wanted: Wanted
    choice: ConvChoice
    kernels: Kernels | None = None


@dataclass(frozen=True)
class Plan:
    """The way chosen. bytes: estimated peak above the loaded model; reason: the way in words; host_bytes: of
    host memory, beside a device with memory of its own."""

    way: Way
    bytes: int
    reason: str
    host_bytes: int = 0


def choose_way(
    config: VAEConfig,
    dtype: torch.dtype,
    device: torch.device,
    wanted: Wanted,
    choice: ConvChoice = PLAIN_CHOICE,
    kernels: Kernels | None = None,
) -> Plan:
    """The fastest way whose estimate fits the budget. choice, kernels: the engine's; without kernels frames
    are taken to come in pairs wherever they may.

    Raises DeviceError with the smallest budget that would do.
    """
    job = _Job(config, dtype, device, wanted, choice, kernels)
    if wanted.way is not None:
        return replace(_estimate(job, wanted.way), reason="in the way that the run began with")
    budget = wanted.budget
    smallest: Plan | None = None
    estimate = cache(partial(_estimate, job))

    def fits(way: Way) -> bool:
        return budget is None or estimate(way).bytes <= budget

    for way, reason in _ways(job, fits):
        plan = replace(estimate(way), reason=reason)
        if wanted.host_budget is not None and plan.host_bytes > wanted.host_budget:
            continue
        if budget is None or plan.bytes <= budget:
            return plan
        if smallest is None or plan.bytes < smallest.bytes:
            smallest = plan
    assert smallest is not None  # the first way takes no host memory
    files = "" if wanted.folder or wanted.alone else ", or --cache-folder for files in its place"
    raise DeviceError(
        f"{say_bytes(budget or 0)} above the model is too little for {wanted.size[0]}x{wanted.size[1]}",
        where="--memory-budget",
        do=f"give {say_bytes(smallest.bytes + (1 << 20))} or more{files}",
    )


def _estimate(job: _Job, way: Way) -> Plan:
    """The peak of a way: a dry run of the layers on tensors without memory."""
    wanted = job.wanted
    rooms = [
        _dry_run(job, way, encoding=encoding)
        for encoding in (True, False)
        if (wanted.encodes if encoding else wanted.decodes)
    ]
    together = max if wanted.alone or wanted.in_turn else sum
    total, host = (together(room.tally.peak for room in rooms), together(room.host.peak for room in rooms))
    pixels = wanted.size[0] * wanted.size[1]
    widths = job.config.block_out_channels
    piece = strip_elements(job.device) or pixels * widths[0]
    if way.strip_rows:
        piece = 2 * way.strip_rows * wanted.size[0] * widths[0]  # twice as wide, or at half the size
    tokens = pixels // job.config.spatial_factor**2 * widths[-1]
    passing = max(PIECES * min(piece, pixels * widths[0]), 6 * tokens) * job.dtype.itemsize
    sides = 2 if job.device.type == "cpu" else 1  # frames wait in front of the model and behind it
    frames = 1 if wanted.alone else sides * job.config.temporal_factor
    return Plan(way, total + passing + frames * PICTURE * pixels + OTHER + wanted.beside, "", host)


def _ways(job: _Job, fits: Callable[[Way], bool]) -> Iterator[tuple[Way, str]]:
    """From the fastest way to the smallest one. fits: whether the device's memory holds it."""
    wanted = job.wanted
    way = Way(strip_rows=wanted.strip_rows, codes_memory=wanted.codes_memory and not wanted.alone)
    yield way, "all in memory"
    if job.device.type == "cuda" and not wanted.alone:
        yield from _parking_ways(job, way, fits)
        return
    folder = None if wanted.alone else wanted.folder
    single = replace(way, in_pairs=False)
    yield single, "one frame at a time"
    if folder is not None:
        yield replace(way, cache_folder=folder), "causal memory in files"
        yield replace(single, cache_folder=folder), "one frame at a time, causal memory in files"
    small = replace(single, stores_last=False)
    yield small, "one frame at a time, the last upsampler computed again where it is read"
    if folder is not None:
        yield (
            replace(small, cache_folder=folder),
            "one frame at a time, the last upsampler computed again, causal memory in files",
        )


def _parking_ways(job: _Job, way: Way, fits: Callable[[Way], bool]) -> Iterator[tuple[Way, str]]:
    """On a card: first one frame at a time, then the largest of what convs remember in host memory, and
    strips, so that what is on its way to the card and back takes little."""
    wanted = job.wanted
    yield replace(way, in_pairs=False), "one frame at a time"
    where = "in files" if wanted.folder else "in host memory"
    for rows in (wanted.strip_rows,) if wanted.strip_rows else PARKED_ROWS:
        parked = replace(way, strip_rows=rows, cache_folder=wanted.folder, parks=0)
        single = replace(parked, in_pairs=False)
        for least, words in (
            (parked, ""),
            (single, "one frame at a time, "),
            (
                replace(single, stores_last=False),
                "one frame at a time, the last upsampler computed again where it is read, ",
            ),
        ):
            if not fits(least):
                yield least, f"{words}all slots {where}"
                continue
            ways = [replace(least, parks=parks) for parks in _slot_sizes(job)]
            enough = bisect_left(ways, True, key=fits)  # the smaller slots may be that go, the less is left
            if enough < len(ways):
                parks = ways[enough].parks or 0
                yield ways[enough], f"{words}slots of {say_bytes(parks)} and more {where}"
            else:
                yield least, f"{words}all slots {where}"


def _slot_sizes(job: _Job) -> list[int]:
    """Bytes of what wide convs remember of a frame, by resolution and channels, the largest first."""
    width, height = job.wanted.size
    widths = job.config.block_out_channels
    coded = job.choice.eight is not None or job.wanted.codes_memory
    itemsize = 1 if coded else job.dtype.itemsize
    sizes: set[int] = set()
    for level in range(len(widths)):
        rows, columns = (height >> level) + 2, width >> level
        sizes.update(
            rows * columns * channels * itemsize for channels in widths[max(0, level - 1) : level + 2]
        )
    return sorted(sizes, reverse=True)


def _dry_run(job: _Job, way: Way, *, encoding: bool) -> Room:
    """A few latents, or one where there is one frame, through one half: what is held does not grow after."""
    network = Network.on_meta(job.config)
    build = Build(_Shapes(job.kernels), job.dtype, winograd=way.in_pairs, choice=_shapes_of(job.choice))
    room = Room(META, way, apart=job.device.type != "cpu")
    memory = ClipMemory(room)
    width, height = job.wanted.size
    alone = job.wanted.alone
    strips = _Ends(way.strip_rows, strip_elements(job.device))
    encoder = Encoder(build, network.encoder) if encoding else None
    decoder = None if encoding else Decoder(build, network.decoder)
    for k in range(1 if alone else CLIP):
        now = Pass(build.kernels, memory, strips, not alone, way.in_pairs, way.stores_last)
        if encoder:
            frames = encoder.frames_per_latent if k else 1
            encoder.latent(now, torch.empty((frames, height, width, 3), device=META, dtype=job.dtype))
        elif decoder:
            factor = job.config.spatial_factor
            shape = (height // factor, width // factor, job.config.latent_channels)
            for _ in decoder.latent(now, torch.empty(shape, device=META, dtype=job.dtype)):
                pass
    return room


class _Ends(Strips):
    """The first and the last strip of a frame: those between take no more than these."""

    def over(self, height: int, row_elements: int) -> Iterator[Range]:
        first, *others = super().over(height, row_elements)
        yield first
        yield from others[-1:]


class _Shapes:
    """Kernels that compute nothing but shapes."""

    name = "shapes"
    device = META

    def __init__(self, like: Kernels | None) -> None:
        self._like = like

    def winograd_pays(self, channels: int, dtype: torch.dtype) -> bool:
        return self._like is None or self._like.winograd_pays(channels, dtype)

    def pack(self, weight: Tensor, dtype: torch.dtype, *, stride: int = 1, columns: int = 0) -> Packed:
        return Packed(weight, stride, columns)

    def conv(self, rows: Tensor, kernel: Packed, bias: Tensor | None = None) -> Tensor:
        height, width, _ = rows.shape
        out, _, tall, wide = kernel.weight.shape
        shape: Sequence[int] = (
            (height - tall) // kernel.stride + 1,
            (width + 2 * kernel.columns - wide) // kernel.stride + 1,
            out,
        )
        return rows.new_empty(shape)

    def add_conv(self, total: Tensor, rows: Tensor, kernel: Packed) -> None:
        """Changes no shape."""

    def norm_silu(self, rows: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> None:
        """Changes no shape."""

    def moments(self, rows: Tensor) -> Moments:
        return _unmeasured(rows)


class _ShapeConvs:
    """Whole convs that compute nothing; their slots are as large as those of `like`."""

    name = "shapes"
    first_code: float | None = None  # no map has a largest value here

    def __init__(self, like: SlotConvs) -> None:
        self._code_type = raw.dtype if (raw := like.raw_codes(1.0)) else None

    def codes(self, norm: Norm) -> Codes | None:
        return self.raw_codes(1.0)

    def raw_codes(self, scale: float) -> Codes | None:
        return Codes(self._code_type, scale) if self._code_type else None

    def conv(
        self, weight: Tensor, bias: Tensor, slots: int, codes: Codes | None, dtype: torch.dtype
    ) -> "_ShapeConv":
        return _ShapeConv()

    def phases(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> "_ShapeConv":
        return _ShapeConv()

    def fill(self, rows: Tensor, affine: Affine | None, out: Tensor, codes: Codes | None) -> None:
        """Changes no shape."""


class _ShapeConv:
    def __call__(self, slots: tuple[Tensor, ...], out: Tensor, *others: object) -> Moments:
        return _unmeasured(out)


def _shapes_of(choice: ConvChoice) -> ConvChoice:
    whole, eight = (_ShapeConvs(convs) if convs else None for convs in (choice.whole, choice.eight))
    return replace(choice, whole=whole, eight=eight)


def _unmeasured(rows: Tensor) -> Moments:
    channels = torch.empty(rows.shape[-1], device=META)
    return _Unmeasured(rows.shape[0] * rows.shape[1], channels, channels)


class _Unmeasured(Moments):
    """Moments that nobody looks at: torch takes long for arithmetic without memory."""

    def merged(self, other: Moments) -> Moments:
        return self

    def affine(self, norm: Norm) -> tuple[Tensor, Tensor]:
        return self.mean, self.mean
