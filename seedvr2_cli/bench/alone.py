"""Memory, measured in a process of its own: what an earlier run has left in the heap does not count there.

python -m seedvr2_cli.bench.alone JOB FILE DTYPE DEVICE WIDTHxHEIGHT FRAMES   prints one JSON object
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LoneJob:
    """job: load, encode or decode, once. size: (width, height) in pixels."""

    job: str
    path: Path
    dtype: str
    device: str
    size: tuple[int, int]
    frames: int


def measure_alone(job: LoneJob) -> dict[str, Any]:
    """Run a job in a fresh process.

    load: seconds, and peak_bytes above the process with its libraries. encode, decode: peak_bytes above the
    loaded model, and the seconds of a second run. peak_bytes is None where the system does not tell.
    """
    size = f"{job.size[0]}x{job.size[1]}"
    words = [job.job, str(job.path), job.dtype, job.device, size, str(job.frames)]
    done = subprocess.run(
        [sys.executable, "-m", "seedvr2_cli.bench.alone", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _main(job: str, path: str, dtype: str, device_name: str, size: str, frames: str) -> None:
    from seedvr2_cli.base.units import parse_size
    from seedvr2_cli.bench.clips import noise_clip
    from seedvr2_cli.ops.probe import probe_device
    from seedvr2_cli.pipeline.peak import PeakMemory
    from seedvr2_cli.vae.load import load_vae

    device = probe_device(
        device_name
    )  # the libraries, and what they set up at first use, are not the loader's
    start = time.perf_counter()
    with PeakMemory(device) as loading:
        vae = load_vae(path, device=device_name, dtype=dtype)
    seconds = time.perf_counter() - start
    weights = [weight.nbytes for weight in vae.engine.weights()]
    report: dict[str, Any] = {
        "seconds": seconds,
        "peak_bytes": loading.bytes,
        "model_bytes": sum(weights),
        "largest_tensor_bytes": max(weights),
    }
    if job != "load":
        x, z = noise_clip(vae.config, parse_size(size), int(frames))
        with PeakMemory(device) as running:
            vae.encode(x) if job == "encode" else vae.decode(z)
        start = time.perf_counter()  # of the second run: the first one makes kernels
        vae.encode(x) if job == "encode" else vae.decode(z)
        seconds = time.perf_counter() - start
        report = {"size": list(parse_size(size)), "frames": int(frames), "peak_bytes": running.bytes}
        report["seconds"] = seconds
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
