"""Loading: seconds, and the most anonymous memory over the process before it. Runs in a process of its own.

python -m seedvr2_cli.bench.load FILE DTYPE   prints one JSON object
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def measure_load(path: Path, dtype: str) -> dict[str, Any]:
    """Load path once in a fresh process. peak_bytes is None where the system does not tell."""
    command = [sys.executable, "-m", "seedvr2_cli.bench.load", str(path), dtype]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _main(path: str, dtype: str) -> None:
    import time

    from seedvr2_cli.ops.probe import probe_device
    from seedvr2_cli.pipeline.peak import PeakMemory
    from seedvr2_cli.vae.load import load_vae
    from seedvr2_cli.vae.network import Network

    device = probe_device("cpu")  # the libraries, and what they set up at first use, are not the loader's
    with PeakMemory(device) as peak:
        start = time.perf_counter()
        vae = load_vae(path, device="cpu", dtype=dtype)
        seconds = time.perf_counter() - start
    assert isinstance(vae.network, Network)
    weights = [weight.nbytes for weight in vae.network.state_dict().values()]
    report = {
        "seconds": seconds,
        "peak_bytes": peak.bytes,
        "model_bytes": sum(weights),
        "largest_tensor_bytes": max(weights),
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
