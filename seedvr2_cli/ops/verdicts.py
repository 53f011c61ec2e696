"""What probes of a device found, kept for the next run on the same machine with the same versions.

For answers that cost more than reading a file: the probe of an int8 product takes a CPU with AMX 0.6 s, one
without 5 s. The check of the VAE's kernels takes 0.01 s, and is made anew each time.
"""

import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch

from seedvr2_cli._version import __version__
from seedvr2_cli.base.errors import SeedVR2Error
from seedvr2_cli.base.files import whole_file
from seedvr2_cli.ops.on_triton.available import triton_version
from seedvr2_cli.ops.probe import name_of, torch_facts

VARIABLE = "SEEDVR2_CACHE"
LIMIT = 1 << 20  # bytes of a file; a verdict takes 50
# what changes which of oneDNN's and torch's kernels run
SWITCHES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")


@dataclass(frozen=True)
class Verdicts:
    """path: the file, None: nothing is kept. machine: what must be the same for them to hold."""

    path: Path | None
    machine: Mapping[str, str]

    def recall(self, question: str, ask: Callable[[], float]) -> float:
        """The answer that is kept, or a new one, which is kept then. What `ask` raises passes through."""
        kept = self.kept()
        if question not in kept:
            kept[question] = ask()
            self._keep(kept)
        return kept[question]

    def kept(self) -> dict[str, float]:
        """All answers; none where the file is missing, damaged or of another machine."""
        if self.path is None:
            return {}
        try:
            with self.path.open("rb") as file:
                content = json.loads(file.read(LIMIT))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(content, dict) or content.get("machine") != dict(self.machine):
            return {}
        verdicts = content.get("verdicts")
        if not isinstance(verdicts, dict):
            return {}
        numbers = {name: value for name, value in verdicts.items() if type(value) in (int, float)}
        return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}

    def _keep(self, verdicts: Mapping[str, float]) -> None:
        """Write them; a disk that is full or must not be written to costs the next run a probe, no more."""
        if self.path is None:
            return
        text = json.dumps({"machine": dict(self.machine), "verdicts": dict(verdicts)}, indent=1)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path, overwrite=True) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except (OSError, SeedVR2Error):
            return


def verdicts_of(device: torch.device, *, environment: Mapping[str, str] = os.environ) -> Verdicts:
    """Those of a device, under this user's folder for caches, or SEEDVR2_CACHE, which may be empty: none."""
    machine = machine_facts(device, environment)
    digest = sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:16]
    folder = verdict_folder(environment)
    return Verdicts(folder / f"{digest}.json" if folder else None, machine)


def machine_facts(device: torch.device, environment: Mapping[str, str]) -> dict[str, str]:
    """What the speed and the values of kernels depend on."""
    onednn = re.search(r"MKL-DNN v([\d.]+)", torch.__config__.show())
    triton = triton_version() if device.type == "cuda" else None
    switches = {name.lower(): environment[name] for name in SWITCHES if name in environment}
    return {
        "seedvr2": __version__,
        "device": name_of(device),
        "onednn": onednn[1] if onednn else "none",
        "triton": ".".join(map(str, triton)) if triton else "none",
        **torch_facts(),
        **switches,
    }


def verdict_folder(environment: Mapping[str, str], system: str = sys.platform) -> Path | None:
    """Where files of verdicts lie; None where there is no home."""
    if VARIABLE in environment:
        named = environment[VARIABLE]
        return Path(named) / "verdicts" if named else None
    try:
        if system == "win32":
            base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif system == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return base / "seedvr2" / "verdicts"
