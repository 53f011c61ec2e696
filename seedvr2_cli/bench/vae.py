"""`bench vae`: what encoding and decoding cost per pixel and frame, and what loading costs."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Reporter
from seedvr2_cli.base.files import whole_file
from seedvr2_cli.bench.alone import LoneJob, measure_alone
from seedvr2_cli.bench.clips import noise_clip
from seedvr2_cli.bench.timing import Times, interleaved, ratio
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.load import load_onto
from seedvr2_cli.vae.network import Network, weight_dtype
from seedvr2_cli.vae.vae import VideoVAE
from seedvr2_cli.weights.assign import assign
from seedvr2_cli.weights.open import open_weights


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """vae: weights, None for recipe weights of the published size, made in `folder` (478 MiB) once.

    size: (width, height) of the picture in pixels; frames: 4n + 1; rounds: counted runs of each variant.
    """

    folder: Path
    vae: Path | None = None
    device: str = "cpu"
    dtypes: tuple[str, ...] = ("float32", "bfloat16")
    size: tuple[int, int] = (256, 256)
    frames: int = 9
    rounds: int = 3

    def __post_init__(self) -> None:
        if any(side % 8 or side < 8 for side in self.size) or self.frames % 4 != 1 or self.rounds < 1:
            raise UsageError("bench takes sides that are multiples of 8, 4n + 1 frames, 1 round or more")
        wrong = [dtype for dtype in self.dtypes if dtype not in tuple(Dtype)[1:]]
        if wrong:
            raise UsageError(
                f"{wrong[0]!r} is no type", where="--dtype", do=f"take {', '.join(tuple(Dtype)[1:])}"
            )


def bench_vae(options: BenchOptions, reporter: Reporter) -> Iterator[dict[str, Any]]:
    """Yield one record per measurement; each names machine, version and settings."""
    path = options.vae or recipe_file(options.folder)
    device = probe_device(options.device)
    about = _about(device)
    for dtype in options.dtypes:
        for name in ("load", "encode", "decode"):
            job = LoneJob(name, path, dtype, options.device, options.size, options.frames)
            label = name if name == "load" else f"{name} memory"
            yield about | {"name": label, "dtype": dtype, "file": path.name} | measure_alone(job)
    models = {d: load_onto(device, path, None, Dtype(d), reporter) for d in options.dtypes}
    yield from (about | record for record in _speeds(options, models))
    yield from (about | record for record in _against_plain(options, path, models))


def recipe_file(folder: Path) -> Path:
    """A GGUF of the published size and types with recipe weights; made if it is not there."""
    path = folder / "recipe_vae_full_fp16.gguf"
    if not path.exists():
        with whole_file(path, overwrite=False) as partial:
            write_recipe(partial, VAEConfig(), "F16", seed=1)
    return path


def _about(device: Device) -> dict[str, Any]:
    return {
        "bench": "vae",
        "version": __version__,
        "machine": device.name,
        "device": device.torch_name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _speeds(options: BenchOptions, models: dict[str, VideoVAE]) -> Iterator[dict[str, Any]]:
    """Encode and decode, all types in turn."""
    jobs: dict[str, Callable[[], object]] = {}
    for dtype, vae in models.items():
        x, z = noise_clip(vae.config, options.size, options.frames)
        jobs[f"encode {dtype}"] = partial(vae.encode, x)
        jobs[f"decode {dtype}"] = partial(vae.decode, z)
    times = interleaved(jobs, options.rounds)
    pixels = options.size[0] * options.size[1] * options.frames
    for name, taken in times.items():
        job, dtype = name.split()
        record = _record(job, dtype, taken, pixels)
        if dtype != "float32" and f"{job} float32" in times:
            record["times_float32"] = round(ratio(times[f"{job} float32"], taken), 3)
        yield record


def _against_plain(
    options: BenchOptions, path: Path, models: dict[str, VideoVAE]
) -> Iterator[dict[str, Any]]:
    """The engine and the plain network in turn: the whole clip, and one frame of it."""
    for dtype, vae in models.items():
        network = plain_network(path, vae.config, vae.device, vae.dtype)
        for frames in (options.frames, 1):
            pixels = options.size[0] * options.size[1] * frames
            x, z = noise_clip(vae.config, options.size, frames)
            pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
                "encode": (
                    partial(network.encoder, x.to(vae.device, vae.dtype), None),
                    partial(vae.encode, x),
                ),
                "decode": (
                    partial(network.decoder, z.to(vae.device, vae.dtype), None),
                    partial(vae.decode, z),
                ),
            }
            for job, (plain, ours) in pairs.items():
                with torch.no_grad():
                    times = interleaved({"plain": plain, "engine": ours}, options.rounds)
                gain = {"times_plain": round(ratio(times["plain"], times["engine"]), 3)}
                name = f"{job}, plain network" if frames > 1 else f"{job} one frame, plain network"
                if frames == 1:  # the engine's time for the whole clip is in `_speeds`
                    yield _record(f"{job} one frame, engine", dtype, times["engine"], pixels)
                yield _record(name, dtype, times["plain"], pixels) | gain


def plain_network(path: Path, config: VAEConfig, device: torch.device, dtype: torch.dtype) -> Network:
    """The network as published, with the weights of a file, for comparison."""
    network = Network.on_meta(config)
    with open_weights(path) as source:
        assign(network, source, dtype_of=lambda name: weight_dtype(name, dtype), device=device)
    return network


def _record(name: str, dtype: str, times: Times, pixels: int) -> dict[str, Any]:
    low, high = times.spread
    return {
        "name": name,
        "dtype": dtype,
        "us_per_pixel_frame": round(times.median / pixels * 1e6, 3),
        "fastest": round(low / pixels * 1e6, 3),
        "slowest": round(high / pixels * 1e6, 3),
        "rounds": len(times.seconds),
    }
