"""The most memory a job held, as the decisions count it."""

import threading
from pathlib import Path
from typing import Self

import torch

from seedvr2_cli.base.device import Device

INTERVAL_S = 0.02  # a slice's largest maps live longer than this wherever they are large
_STATUS = Path("/proc/self/status")


class PeakMemory:
    """While the block runs: on CUDA what torch's allocator held at most, else anonymous memory above the
    start.

    bytes is None where the system does not tell (anonymous memory is read from Linux's /proc).
    """

    def __init__(self, device: Device) -> None:
        self._cuda = device.torch_name if device.kind == "cuda" else None
        self._base = self._most = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.bytes: int | None = None

    def __enter__(self) -> Self:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats(self._cuda)
        elif (now := anonymous_bytes()) is not None:
            self._base = self._most = now
            self._thread = threading.Thread(target=self._watch, name="peak memory", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._cuda:
            self.bytes = torch.cuda.max_memory_allocated(self._cuda)
        elif self._thread:
            self._stop.set()
            self._thread.join()
            self.bytes = self._most - self._base

    def _watch(self) -> None:
        while True:
            self._most = max(self._most, anonymous_bytes() or 0)
            if self._stop.wait(INTERVAL_S):
                return


def anonymous_bytes() -> int | None:
    """The process's anonymous resident memory (RssAnon), None where the system does not tell."""
    try:
        with _STATUS.open("rb") as status:
            line = next((line for line in status if line.startswith(b"RssAnon:")), None)
    except OSError:
        return None
    return int(line.split()[1]) * 1024 if line else None
