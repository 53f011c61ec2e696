"""`bench fp8`: FP8 against 16 bits on a device, conv by conv and as a whole decoder, as a table to paste."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import Dtype, Fp8Policy
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import DeviceError, UsageError
from seedvr2_cli.base.events import Line, Reporter, Silent
from seedvr2_cli.bench.clips import noise_clip
from seedvr2_cli.bench.timing import interleaved, ratio
from seedvr2_cli.bench.vae import recipe_file
from seedvr2_cli.ops.fp8 import answer_fp8, fp8_convs
from seedvr2_cli.ops.gate import Fp8
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.probe import choose_dtype, probe_device, settle, torch_facts
from seedvr2_cli.ops.select import choose_kernels
from seedvr2_cli.ops.slot_convs import SlotConvs
from seedvr2_cli.ops.trial import summed_job, whole_job
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.vae.eight_bits import EightBits
from seedvr2_cli.vae.load import load_onto
from seedvr2_cli.vae.vae import VideoVAE

SHAPES = ((128, 1080, 1920), (256, 540, 960), (512, 270, 480))  # channels, rows, columns
MATMUL = 8192  # the side of the products that a device's peak is taken from


@dataclass(frozen=True, kw_only=True)
class Fp8BenchOptions:
    """vae, folder: as in BenchOptions. sizes: (width, height) of pictures; frames: 4n + 1; rounds: each."""

    folder: Path
    vae: Path | None = None
    device: str = "auto"
    sizes: tuple[tuple[int, int], ...] = ((1280, 720), (1920, 1088))
    frames: int = 9
    rounds: int = 5

    def __post_init__(self) -> None:
        if any(side % 8 or side < 8 for size in self.sizes for side in size):
            raise UsageError("sides are not multiples of 8", where="--size", do="give 1280x720,1920x1088")
        if self.frames % 4 != 1 or self.rounds < 1:
            raise UsageError(
                f"{self.frames} frames, {self.rounds} rounds", do="give 4n + 1 frames, 1 round or more"
            )


def bench_fp8(options: Fp8BenchOptions, reporter: Reporter) -> Iterator[dict[str, Any]]:
    """Yield one record per measurement. Raises DeviceError where FP8 does not run, with the reason."""
    device = probe_device(options.device)
    dtype = choose_dtype(device, Dtype.AUTO)[0]
    gate = answer_fp8(device, dtype, force=True)
    reporter.emit(Line("BLACKWELL_ENGINE", gate.line))
    if gate.state is not Fp8.ON:
        raise DeviceError(gate.reason, where="bench fp8", do="see verify, which needs no FP8 units")
    convs = fp8_convs(device, gate)
    assert convs is not None
    yield about(device) | {"name": "gate"} | gate.facts()
    yield from conv_records(device, dtype, convs, SHAPES, options.rounds)
    path = options.vae or recipe_file(options.folder)
    yield from clip_records(options, device, convs, path)


def about(device: Device) -> dict[str, Any]:
    """What a record is of."""
    return {
        "bench": "fp8",
        "version": __version__,
        "machine": device.name,
        "device": device.torch_name,
        "python": platform.python_version(),
    } | torch_facts()


def conv_records(
    device: Device,
    dtype: torch.dtype,
    eight: SlotConvs,
    shapes: tuple[tuple[int, int, int], ...],
    rounds: int,
) -> Iterator[dict[str, Any]]:
    """One frame of a causal conv, C to C: plain torch, our convs in 16 bits if they were taken, and in 8."""
    place = torch.device(device.torch_name)
    whole = choose_kernels(place, dtype).whole
    peak = matmul_tflops(place, dtype, rounds, MATMUL)
    yield {"name": "matmul", "dtype": str(dtype)[6:], "tflops": round(peak, 2)}
    for shape in shapes:
        channels, rows, columns = shape
        jobs: dict[str, Callable[[], None]] = {"plain": summed_job(PlainKernels(place), shape, dtype)}
        if whole is not None:
            jobs[f"{whole.name} 16 bits"] = whole_job(whole, shape, dtype, place)
        jobs[f"{eight.name} FP8"] = whole_job(eight, shape, dtype, place)
        times = interleaved(_settled(jobs, place), rounds)
        work = 2 * 27 * channels**2 * rows * columns
        for name, taken in times.items():
            yield {
                "name": f"conv {channels} ch, {columns}x{rows}",
                "variant": name,
                "ms": round(taken.median * 1e3, 3),
                "tflops": round(work / taken.median / 1e12, 2),
                "share_of_matmul": round(work / taken.median / 1e12 / peak, 3),
                "times_plain": round(ratio(times["plain"], taken), 3),
            }


def clip_records(
    options: Fp8BenchOptions, device: Device, convs: SlotConvs, path: Path
) -> Iterator[dict[str, Any]]:
    """A whole clip decoded and encoded: in 16 bits, and by each policy."""
    models = {"16 bits": load_onto(device, path, None, Dtype.AUTO, Silent())}
    for policy in Fp8Policy:
        eight = EightBits(convs, policy)
        models[f"FP8 {policy}"] = load_onto(device, path, None, Dtype.AUTO, Silent(), eight)
    for size in options.sizes:
        for job in ("decode", "encode"):
            jobs = {name: _clip_job(vae, job, size, options.frames) for name, vae in models.items()}
            peaks = {name: _peak(run, device) for name, run in jobs.items()}
            times = interleaved(jobs, options.rounds)
            for name, taken in times.items():
                yield {
                    "name": f"{job} {size[0]}x{size[1]}, {options.frames} frames",
                    "variant": name,
                    "ms_per_frame": round(taken.median / options.frames * 1e3, 3),
                    "peak_bytes": peaks[name],
                    "times_16_bits": round(ratio(times["16 bits"], taken), 3),
                }


def matmul_tflops(place: torch.device, dtype: torch.dtype, rounds: int, side: int) -> float:
    """10^12 operations a second of the device's own product of two square matrices."""
    a = torch.randn(side, side, device=place).to(dtype)
    taken = interleaved(_settled({"matmul": lambda: _forget(a @ a)}, place), rounds)["matmul"]
    return 2 * side**3 / taken.median / 1e12


def as_markdown(records: Sequence[Mapping[str, Any]]) -> str:
    """The records as a table, below a line that says what they are of."""
    gate = next((record for record in records if record["name"] == "gate"), None)
    lines = []
    if gate is not None:
        facts = ", ".join(f"{key} {gate[key]}" for key in ("version", "python", "torch", "cuda", "cudnn"))
        lines += [f"{gate['reason']}; {facts}", ""]
    lines += ["| what | variant | ms | TFLOP/s | of the matmul peak | gain | peak MiB |", "| --- " * 7 + "|"]
    for record in records:
        if record["name"] != "gate":
            lines.append("| " + " | ".join(_cells(record)) + " |")
    return "\n".join(lines) + "\n"


def _cells(record: Mapping[str, Any]) -> list[str]:
    share, peak = record.get("share_of_matmul"), record.get("peak_bytes")
    return [
        str(record["name"]),
        str(record.get("variant", record.get("dtype"))),
        str(record.get("ms", record.get("ms_per_frame", ""))),
        str(record.get("tflops", "")),
        "" if share is None else f"{share:.0%}",
        str(record.get("times_plain", record.get("times_16_bits", ""))),
        "" if peak is None else f"{peak / 2**20:.0f}",
    ]


def _clip_job(vae: VideoVAE, job: str, size: tuple[int, int], frames: int) -> Callable[[], object]:
    x, z = noise_clip(vae.config, size, frames)
    return (lambda: vae.encode(x)) if job == "encode" else (lambda: vae.decode(z))


def _peak(job: Callable[[], object], device: Device) -> int | None:
    with PeakMemory(device) as peak:
        job()
    return peak.bytes


def _settled(jobs: Mapping[str, Callable[[], None]], place: torch.device) -> dict[str, Callable[[], None]]:
    """The jobs, each waited for."""

    def waited(job: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            job()
            settle(place)

        return run

    return {name: waited(job) for name, job in jobs.items()}


def _forget(value: object) -> None:
    """Drop a result."""
