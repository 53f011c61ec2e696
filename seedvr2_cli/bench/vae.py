"""`bench vae`: what the VAE and its parts cost per pixel and frame, and what loading costs."""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import BenchCase, Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Reporter
from seedvr2_cli.base.files import whole_file
from seedvr2_cli.bench.alone import LoneJob, measure_alone
from seedvr2_cli.bench.clips import noise_clip
from seedvr2_cli.bench.growth import grown
from seedvr2_cli.bench.parts import plain_network
from seedvr2_cli.bench.rated import PARTS, rated_parts
from seedvr2_cli.bench.timing import interleaved, ratio, record_of
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.ops.verdicts import machine_facts
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.load import load_onto
from seedvr2_cli.vae.vae import VideoVAE

UNASKED = tuple(case for case in BenchCase if case is not BenchCase.GROWTH)  # that one takes long


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """vae: weights, None for recipe weights of the published size, made in `folder` (478 MiB) once.

    size: (width, height) of the picture in pixels; frames: 4n + 1; rounds: counted runs of each variant.
    """

    folder: Path
    vae: Path | None = None
    device: str = "cpu"
    dtypes: tuple[str, ...] = ("float32", "bfloat16")
    cases: tuple[str, ...] = UNASKED
    size: tuple[int, int] = (256, 256)
    frames: int = 9
    rounds: int = 3

    def __post_init__(self) -> None:
        if any(side % 8 or side < 8 for side in self.size) or self.frames % 4 != 1 or self.rounds < 1:
            raise UsageError("bench takes sides that are multiples of 8, 4n + 1 frames, 1 round or more")
        _check_words(self.dtypes, tuple(Dtype)[1:], "type", "--dtype")
        _check_words(self.cases, tuple(BenchCase), "case", "--case")


def _check_words(given: tuple[str, ...], known: tuple[str, ...], what: str, option: str) -> None:
    for word in given:
        if word not in known:
            raise UsageError(f"{word!r} is no {what}", where=option, do=f"take {', '.join(known)}")


def bench_vae(options: BenchOptions, reporter: Reporter) -> Iterator[dict[str, Any]]:
    """Yield one record per measurement; each names machine, versions and settings."""
    path = options.vae or recipe_file(options.folder)
    device = probe_device(options.device)
    about = _about(device)
    for dtype in options.dtypes:
        if BenchCase.LOAD in options.cases:
            yield about | {"name": "load", "dtype": dtype} | _alone(options, path, "load", dtype)
        if BenchCase.CLIP in options.cases:
            for job in ("encode", "decode"):
                yield about | {"name": f"{job} memory", "dtype": dtype} | _alone(options, path, job, dtype)
    parts = tuple(case for case in PARTS if case in options.cases)
    if parts:
        for dtype in options.dtypes:
            rated = rated_parts(device, path, dtype, parts, options.size, options.rounds)
            yield from (about | record for record in rated)
    if BenchCase.CLIP in options.cases:
        models = {d: load_onto(device, path, None, Dtype(d), reporter) for d in options.dtypes}
        yield from (about | record for record in _speeds(options, models))
        yield from (about | record for record in _against_plain(options, path, models))
    if BenchCase.GROWTH in options.cases:
        for dtype in options.dtypes:
            yield from (about | record for record in grown(path, dtype, options.device, options.size))


def recipe_file(folder: Path) -> Path:
    """A GGUF of the published size and types with recipe weights; made if it is not there."""
    path = folder / "recipe_vae_full_fp16.gguf"
    if not path.exists():
        with whole_file(path, overwrite=False) as partial:
            write_recipe(partial, VAEConfig(), "F16", seed=1)
    return path


def _alone(options: BenchOptions, path: Path, job: str, dtype: str) -> dict[str, Any]:
    lone = LoneJob(job, path, dtype, options.device, options.size, options.frames)
    return {"file": path.name} | measure_alone(lone)


def _about(device: Device) -> dict[str, Any]:
    facts = machine_facts(torch.device(device.torch_name), os.environ)
    return {
        "bench": "vae",
        "version": __version__,
        "machine": device.name,
        "device": device.torch_name,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: facts[name] for name in ("torch", "cuda", "cudnn", "onednn", "triton")},
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
        record = record_of(job, dtype, taken, pixels)
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
                    yield record_of(f"{job} one frame, engine", dtype, times["engine"], pixels)
                yield record_of(name, dtype, times["plain"], pixels) | gain
