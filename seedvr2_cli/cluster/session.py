"""Ray's beginning and end: nothing of it on the terminal, and no process of it left behind."""

import importlib.util
import logging
import os
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import DeviceError, UsageError
from seedvr2_cli.cluster.workers import OPTION, Workers

OBJECT_STORE = 256 << 20  # bytes: what travels goes in pieces much smaller than this


@dataclass(frozen=True)
class Session:
    """A cluster that runs. ray: the module. wanted: how many workers, None: as many as there is room for.

    gpus: whether workers take a GPU each. sharing: how many workers share a machine's memory. scratch: where
    workers on this machine keep what they are at; None where they are on others.
    """

    ray: Any
    wanted: int | None
    gpus: bool
    threads: int
    sharing: int
    scratch: Path | None

    def room(self) -> int:
        """How many workers there can be now."""
        if self.wanted is not None:
            return self.wanted
        found = self.ray.cluster_resources()
        return int(found.get("GPU", 0)) if self.gpus else int(found.get("CPU", 0)) // self.threads


def check_ray() -> None:
    """Raise UsageError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError("Ray is not installed", where=OPTION, do="pip install 'seedvr2[cluster]'")


@contextmanager
def session(workers: Workers, *, on_cpu: bool, verbose: bool = False) -> Iterator[Session]:
    """Start Ray here, or join a cluster that runs; what was started ends with the block.

    on_cpu: no GPU is wanted. verbose: let Ray speak. Raises UsageError without Ray or for more GPUs than
    there are, DeviceError where Ray cannot be started or reached.
    """
    check_ray()
    folder = None if workers.address else Path(tempfile.mkdtemp(prefix="seedvr2.ray."))
    with _own_signals(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own making
        import ray

        try:
            ray.init(**_arguments(workers, folder, verbose=verbose))
        except (RuntimeError, ValueError, OSError, ConnectionError) as error:  # what Ray raises of all kinds
            _shut(ray, folder)
            where = workers.address or "Ray"
            raise DeviceError(f"cannot be started or reached ({error})", where=where) from error
    try:
        with nullcontext() if verbose else _silent():
            yield _found(ray, workers, folder, on_cpu=on_cpu)
    finally:
        _shut(ray, folder)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep off stdout what Ray prints there of nodes that die, whatever it was told about logs: stdout may
    be where the frames go, by a stream that its writer took before."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _arguments(workers: Workers, folder: Path | None, *, verbose: bool) -> dict[str, Any]:
    level = logging.INFO if verbose else logging.CRITICAL
    quiet: dict[str, Any] = {"log_to_driver": verbose, "logging_level": level}
    if workers.address:
        return quiet | {"address": workers.address}
    own = {"address": "local", "include_dashboard": False, "_temp_dir": str(folder)}
    cpus = {} if workers.count is None else {"num_cpus": workers.count * workers.threads}
    return quiet | own | cpus | {"object_store_memory": OBJECT_STORE}


def _found(ray: Any, workers: Workers, folder: Path | None, *, on_cpu: bool) -> Session:
    resources = ray.cluster_resources()
    gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
    takes_gpus, wanted = gpus > 0 and not on_cpu, workers.count
    if takes_gpus and wanted is not None and wanted > gpus:
        what = f"{wanted} workers for {gpus} GPU{'s' if gpus > 1 else ''}"
        raise UsageError(what, where=OPTION, do=f"give {gpus} or auto, or --device cpu")
    if wanted is None and workers.address is None and not takes_gpus:
        wanted = 1
    nodes = max(1, sum(node["Alive"] for node in ray.nodes()))
    there = wanted or cpus // workers.threads
    sharing = 1 if takes_gpus else max(1, -(-there // nodes))
    return Session(ray, wanted, takes_gpus, workers.threads, sharing, folder)


def _shut(ray: Any, folder: Path | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(RuntimeError, OSError, ConnectionError):  # it is gone already
            ray.shutdown()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it starts: give the run its handler back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
