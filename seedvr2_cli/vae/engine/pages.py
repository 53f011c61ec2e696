"""Fresh memory for whole frames: pages of the system's, or of a file without a name."""

import mmap
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.base.errors import DeviceError, OutputError
from seedvr2_cli.base.units import say_bytes


def anonymous(count: int) -> Tensor:
    """(count,) uint8, zeros: pages of their own, which go back to the system with the last view of them.

    The C library's heap keeps holes between such blocks. Huge pages made decoding 4 to 16 % slower (Xeon,
    Linux 6.18): they are not asked for.
    """
    try:
        pages = _private(count)
    except OSError as error:
        what = f"out of memory: no {say_bytes(count)} for a frame ({error.strerror or error})"
        raise DeviceError(what, do="give a smaller --memory-budget") from error
    return torch.frombuffer(pages, dtype=torch.uint8)


def in_file(folder: Path, count: int) -> Tensor:
    """(count,) uint8, zeros, in a file of that folder that goes with the last view of it.

    Raises OutputError where there is no room.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(count)
            pages = mmap.mmap(file.fileno(), count)
    except OSError as error:
        what = f"a cache of {say_bytes(count)} cannot be made ({error.strerror})"
        raise OutputError(what, where=folder, do="give a folder on a disk with room") from error
    return torch.frombuffer(pages, dtype=torch.uint8)


def pinned(count: int) -> Tensor:
    """(count,) uint8, which a device copies from and to without asking the processor.

    Raises DeviceError where the system gives no more of it (Windows: about half of what there is).
    """
    try:
        return torch.empty(count, dtype=torch.uint8, pin_memory=True)
    except RuntimeError as error:
        what = f"the system gives no {say_bytes(count)} of pinned host memory"
        raise DeviceError(what, do="give a smaller --host-budget, or --cache-folder") from error


def _private(count: int) -> mmap.mmap:
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, count)  # Windows has no other kind
