"""The memory that frames go through: maps and slots, taken and given back, never made twice."""

import math
import mmap
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.base.units import say_bytes


@dataclass(frozen=True)
class Form:
    """Shape and type of a whole-frame buffer: (top + height + bottom, width + right, channels).

    top, bottom, right: rows and columns of zeros round a slot, which holds what a conv reads; a map has none.
    zero: the value that stands for 0.0.
    """

    height: int
    width: int
    channels: int
    dtype: torch.dtype
    top: int = 0
    bottom: int = 0
    right: int = 0
    zero: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.top + self.height + self.bottom, self.width + self.right, self.channels

    @property
    def nbytes(self) -> int:
        rows, columns, channels = self.shape
        return rows * columns * channels * self.dtype.itemsize


class Tally:
    """Bytes of buffers that are there at once; peak: the most so far."""

    def __init__(self) -> None:
        self._bytes = 0
        self.peak = 0

    def add(self, count: int) -> None:
        """So many bytes more, or less."""
        self._bytes += count
        self.peak = max(self.peak, self._bytes)


class Buffers:
    """Whole-frame buffers on one device, kept for the next one of their form where `keeps`.

    tally: counts what is made and freed. folder: they are mapped files there, on a CPU alone.

    A fresh large block costs a page fault for every 4 KiB that is written, which on a CPU is as dear as the
    norm that fills it. Users write inside the zeros of a form, never on them.
    """

    def __init__(
        self, device: torch.device, tally: Tally, *, keeps: bool = True, folder: Path | None = None
    ) -> None:
        self._device = device
        self._tally = tally
        self._keeps = keeps
        self._folder = folder
        self._free: dict[Form, list[Tensor]] = defaultdict(list)

    def take(self, form: Form) -> Tensor:
        """A buffer; inside the zeros is what its last user left."""
        free = self._free[form]
        if free:
            return free.pop()
        self._tally.add(form.nbytes)
        return self._made(form)

    def give(self, form: Form, buffer: Tensor) -> None:
        """Take a buffer back."""
        if self._keeps:
            self._free[form].append(buffer)
        else:
            self._tally.add(-form.nbytes)

    def _made(self, form: Form) -> Tensor:
        if self._folder is None or self._device.type != "cpu":
            zeros = torch.zeros(form.shape, dtype=form.dtype, device=self._device)
            return zeros.fill_(form.zero) if form.zero else zeros
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.truncate(form.nbytes)
                mapped = mmap.mmap(file.fileno(), form.nbytes)
        except OSError as error:
            what = f"a cache of {say_bytes(form.nbytes)} cannot be made ({error.strerror})"
            raise OutputError(what, where=self._folder, do="give a folder on a disk with room") from error
        zeros = torch.frombuffer(mapped, dtype=form.dtype).view(form.shape)
        return zeros.fill_(form.zero) if form.zero else zeros


class Scratch:
    """Room for the pieces of a strip, by name, grown to the largest asked for.

    What is taken is good until the same name is taken again.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._room: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """A contiguous tensor with anything in it."""
        count = math.prod(shape)
        room = self._room.get((name, dtype))
        if room is None or room.numel() < count:
            room = self._room[name, dtype] = torch.empty(count, dtype=dtype, device=self._device)
        return room[:count].view(tuple(shape))
