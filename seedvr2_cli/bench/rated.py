"""Convs, stages and slices of the VAE: each back end in turn, its rate beside the device's own matmul."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli.base.choices import BenchCase
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.events import Silent
from seedvr2_cli.bench.parts import (
    Job,
    Setting,
    conv_jobs,
    parts_of,
    plain_network,
    slice_jobs,
    stage_jobs,
)
from seedvr2_cli.bench.rates import matmul_rate
from seedvr2_cli.bench.timing import interleaved, ratio, record_of
from seedvr2_cli.ops.kernels import Kernels, PlainKernels
from seedvr2_cli.ops.probe import settle
from seedvr2_cli.ops.select import choose_kernels
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.load import choose_config
from seedvr2_cli.vae.work import conv_works
from seedvr2_cli.weights.open import open_weights

PARTS = (BenchCase.CONV, BenchCase.STAGE, BenchCase.SLICE)
Jobs = Mapping[str, Job]  # by back end


def rated_parts(
    device: Device, path: Path, dtype: str, cases: Sequence[BenchCase], size: tuple[int, int], rounds: int
) -> Iterator[dict[str, Any]]:
    """Records: first the matmul, then for each part one by each back end, the plain one first.

    gflops: the work of the engine's form of the part (spec/perf.md 6), Winograd's saving not counted, by the
    seconds of the median. share_of_matmul: of the matmul's rate. times_plain: how many times as fast as the
    part's first back end.
    """
    place, kind = torch.device(device.torch_name), getattr(torch, dtype)
    with open_weights(path) as source:
        config, _ = choose_config(None, source, Silent())
    setting = Setting(config, plain_network(path, config, place, kind), place, kind, size)
    rate = matmul_rate(place, kind)
    yield {"name": "matmul", "dtype": dtype, "gflops": round(rate / 1e9, 1)}
    for name, module, frames, jobs in _parts(setting, path, cases):
        pixels = size[0] * size[1] * frames
        with torch.no_grad():
            times = interleaved({who: _settled(job, place) for who, job in jobs.items()}, rounds)
        first = next(iter(times.values()))
        for who, taken in times.items():
            record = record_of(f"{name}, {who}", dtype, taken, pixels) | {"back_end": who}
            gflops = _mflop(config, module) * pixels / taken.median / 1e3
            record |= {"gflops": float(f"{gflops:.4g}"), "share_of_matmul": round(gflops * 1e9 / rate, 3)}
            yield record if taken is first else record | {"times_plain": round(ratio(first, taken), 3)}


def _parts(setting: Setting, path: Path, cases: Sequence[BenchCase]) -> Iterator[tuple[str, str, int, Jobs]]:
    """Name, module of the network, frames outside that one run stands for, and jobs."""
    back_ends = _back_ends(setting.device, setting.dtype)
    convs, stages = parts_of(setting.config)
    with torch.no_grad():
        for part in convs if BenchCase.CONV in cases else ():
            yield f"conv {part.label}", part.name, part.frames, conv_jobs(setting, part, back_ends)
        for part in stages if BenchCase.STAGE in cases else ():
            yield f"stage {part.label}", part.name, part.frames, stage_jobs(setting, part, back_ends)
        if BenchCase.SLICE in cases:
            fresh = [
                (kernels, plain_network(path, setting.config, setting.device, setting.dtype))
                for kernels in back_ends
            ]
            for half, jobs in slice_jobs(setting, fresh).items():
                yield f"slice {half}", half, setting.config.temporal_factor, jobs


def _mflop(config: VAEConfig, module: str) -> float:
    """Of a part of the network, for each pixel and frame outside."""
    return sum(
        work.mflop for work in conv_works(config) if work.name == module or work.name.startswith(f"{module}.")
    )


def _back_ends(device: torch.device, dtype: torch.dtype) -> list[Kernels]:
    chosen = choose_kernels(device, dtype).kernels
    plain = PlainKernels(device)
    return [plain] if isinstance(chosen, PlainKernels) else [plain, chosen]


def _settled(job: Job, device: torch.device) -> Callable[[], None]:
    """The job, and the wait until the device has done it."""

    def run() -> None:
        job()
        settle(device)

    return run
