"""How much memory each way through the engine takes, found by a dry run, and the way that fits a budget."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.base.errors import DeviceError
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.ops.kernels import Packed
from seedvr2_cli.ops.moments import Moments
from seedvr2_cli.ops.select import strip_elements
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.frames import Strips
from seedvr2_cli.vae.engine.memory import ClipMemory
from seedvr2_cli.vae.engine.program import Build, Decoder, Encoder
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.network import Network

META = torch.device("meta")
PIECES = 6  # strips' pieces alive at once: a conv's results, what is mixed for it, what its norm makes
OTHER = 48 << 20  # what oneDNN and the allocator hold beside the buffers (bench vae)


@dataclass(frozen=True)
class Job:
    """What is planned for. size: (width, height) in pixels, multiples of the latents' factor; frames: None
    where their number is not known, or more than one."""

    config: VAEConfig
    dtype: torch.dtype
    device: torch.device
    size: tuple[int, int]
    frames: int | None
    encodes: bool
    decodes: bool


@dataclass(frozen=True)
class Plan:
    """The way chosen. bytes: estimated peak above the loaded model; caches: of it, the causal memory;
    reason: why this way, in words."""

    way: Way
    bytes: int
    cache_bytes: int
    reason: str


def choose_way(job: Job, budget: int | None, *, strip_rows: int | None, folder: Path | None) -> Plan:
    """The fastest way whose estimate fits the budget in bytes; None: no bound.

    folder: where files may hold the causal memory, if it does not fit. Raises DeviceError with the smallest
    budget that would do.
    """
    smallest: Plan | None = None
    for way, reason in _ways(job, strip_rows, folder):
        plan = estimate(job, way, reason)
        if budget is None or plan.bytes <= budget:
            return plan
        if smallest is None or plan.bytes < smallest.bytes:
            smallest = plan
    assert smallest is not None
    files = "" if folder or job.device.type != "cpu" else ", or --cache-folder for files in place of memory"
    raise DeviceError(
        f"{say_bytes(budget or 0)} is too little for {job.size[0]}x{job.size[1]}",
        where="--memory-budget",
        do=f"give {say_bytes(smallest.bytes)} or more{files}",
    )


def estimate(job: Job, way: Way, reason: str) -> Plan:
    """The peak of a way: a dry run of the layers on tensors without memory."""
    total = cache = 0
    for encoding in (True, False):
        if job.encodes if encoding else job.decodes:
            memory = _dry_run(job, way, encoding=encoding)
            held = 0 if way.cache_folder else memory.slots.peak
            total += memory.buffers.peak + held
            cache += memory.slots.peak
    piece = strip_elements(job.device) or job.size[0] * job.size[1] * job.config.block_out_channels[0]
    pixels = job.size[0] * job.size[1]
    tokens = pixels // job.config.spatial_factor**2 * job.config.block_out_channels[-1]
    passing = max(PIECES * piece, 6 * tokens) * job.dtype.itemsize
    pictures = 2 * 4 * 3 * pixels * (1 if job.frames == 1 else 2 * job.config.temporal_factor)
    return Plan(way, total + passing + pictures + OTHER, cache, reason)


def _ways(job: Job, strip_rows: int | None, folder: Path | None) -> Iterator[tuple[Way, str]]:
    """From the fastest way to the smallest one."""
    way = Way(strip_rows=strip_rows)
    yield way, "all in memory"
    way = replace(way, keeps_buffers=False)
    yield way, "spent buffers are freed"
    single = replace(way, in_pairs=False)
    yield single, "one frame at a time"
    if job.device.type == "cpu" and folder is not None and job.frames != 1:
        yield replace(way, cache_folder=folder), "causal memory in files"
        yield replace(single, cache_folder=folder), "one frame at a time, causal memory in files"
    small = replace(single, stores_last=False)
    yield small, "one frame at a time, the last upsampler computed again where it is read"
    if job.device.type == "cpu" and folder is not None and job.frames != 1:
        yield (
            replace(small, cache_folder=folder),
            "one frame at a time, the last upsampler computed again, causal memory in files",
        )


def _dry_run(job: Job, way: Way, *, encoding: bool) -> ClipMemory:
    """Three latents, or one where there is one frame, through one half."""
    network = Network.on_meta(job.config)
    build = Build(_Shapes(), job.dtype, winograd=way.in_pairs)
    memory = ClipMemory(META, keeps=way.keeps_buffers)
    width, height = job.size
    alone = job.frames == 1
    encoder = Encoder(build, network.encoder) if encoding else None
    decoder = None if encoding else Decoder(build, network.decoder)
    for k in range(1 if alone else 3):
        now = Pass(build.kernels, memory, Strips(None, None), not alone, way.in_pairs, way.stores_last)
        if encoder:
            frames = encoder.frames_per_latent if k else 1
            encoder.latent(now, torch.empty((frames, height, width, 3), device=META, dtype=job.dtype))
        elif decoder:
            factor = job.config.spatial_factor
            shape = (height // factor, width // factor, job.config.latent_channels)
            for _ in decoder.latent(now, torch.empty(shape, device=META, dtype=job.dtype)):
                pass
    return memory


class _Shapes:
    """Kernels that compute nothing but shapes."""

    name = "shapes"
    device = META

    def winograd_pays(self, channels: int, dtype: torch.dtype) -> bool:
        return True

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
        pass

    def norm_silu(self, rows: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> None:
        pass

    def moments(self, rows: Tensor) -> Moments:
        channels = torch.empty(rows.shape[-1], device=META)
        return Moments(rows.shape[0] * rows.shape[1], channels, channels)
