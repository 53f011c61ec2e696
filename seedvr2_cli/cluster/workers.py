"""How many workers, and where. No torch, no Ray."""

from dataclasses import dataclass
from typing import Self

from seedvr2_cli.base.errors import UsageError

OPTION = "--workers"
_MAX_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Workers:
    """count: how many, None: one for each GPU, or for each processor that a cluster without GPUs offers, and
    one on a machine without a GPU. address: of a cluster that runs, None: this machine alone.

    threads: of each worker on a CPU. Sums of floating point numbers depend on how many threads share them, so
    that this is part of what a run is, and the number of workers is not.
    """

    count: int | None = None
    address: str | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise UsageError("no worker does nothing", where=OPTION, do="give auto, or 1 or more")
        if self.threads < 1:
            raise UsageError(f"{self.threads} threads", where="--worker-threads", do="give 1 or more")

    @classmethod
    def parse(cls, text: str, threads: int = 1) -> Self:
        """`auto`, a number, `ray://HOST:PORT`, or `HOST:PORT` on a machine of the cluster. Raises
        UsageError."""
        if text == "auto":
            return cls(threads=threads)
        if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS:
            return cls(count=int(text), threads=threads)
        host, _, port = text.removeprefix("ray://").rpartition(":")
        if not host or not port.isdecimal() or any(not (c.isalnum() or c in ".-:[]") for c in host):
            do = "give auto, a number, or ray://HOST:PORT"
            raise UsageError(f"{text!r} names no workers", where=OPTION, do=do)
        return cls(address=text, threads=threads)
