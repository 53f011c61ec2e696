"""The memory that frames go through: maps and slots, taken and given back, never made twice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, UntypedStorage

from seedvr2_cli.vae.engine.pages import anonymous, in_file, pinned

SLACK = 1.25  # of a spent buffer over what is asked for: more, and large ones are missing where needed


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
        self.bytes = 0
        self.peak = 0

    def add(self, count: int) -> None:
        """So many bytes more, or less."""
        self.bytes += count
        self.peak = max(self.peak, self.bytes)


class Buffers:
    """Whole-frame buffers on one device, used again for others of about their size.

    tally: counts what is made and freed; before anything pushes its peak up, spent buffers go. folder: they
    are mapped files there, on a CPU alone. pinned: a CPU's memory that another device copies from and to.
    Users write inside the zeros of a form, and above and below.
    """

    def __init__(
        self, device: torch.device, tally: Tally, *, folder: Path | None = None, pinned: bool = False
    ) -> None:
        self._device = device
        self._tally = tally
        self._folder = folder
        self._pinned = pinned
        self._free: list[UntypedStorage] = []  # the newest last

    def take(self, form: Form) -> Tensor:
        """A buffer with anything in it but for zeros on the right."""
        block = self._spent(form.nbytes)
        if block is None:
            block = self._fresh(form.nbytes)
        buffer = torch.empty(0, dtype=form.dtype, device=self._device)
        _, columns, channels = form.shape
        buffer.set_(block, 0, form.shape, (columns * channels, channels, 1))
        if form.right:
            buffer[:, form.width :].fill_(form.zero)
        return buffer

    def give(self, buffer: Tensor) -> None:
        """Take a buffer back."""
        self._free.append(buffer.untyped_storage())

    def _spent(self, count: int) -> UntypedStorage | None:
        """The smallest spent buffer that will do and is not much too large."""
        fitting = [block for block in self._free if count <= block.nbytes() <= count * SLACK]
        if not fitting:
            return None
        best = min(fitting, key=lambda block: block.nbytes())
        self._free = [block for block in self._free if block is not best]
        return best

    def _fresh(self, count: int) -> UntypedStorage:
        while self._free and self._tally.bytes + count > self._tally.peak:
            self._tally.add(-self._free.pop().nbytes())
        self._tally.add(count)
        return self._block(count).untyped_storage()

    def _block(self, count: int) -> Tensor:
        if self._device.type != "cpu":
            return torch.empty(count, dtype=torch.uint8, device=self._device)
        if self._folder is not None:
            return in_file(self._folder, count)
        return pinned(count) if self._pinned else anonymous(count)


class Scratch:
    """Room for the pieces of a strip, by name, grown to the largest asked for.

    What is taken is good until the same name is taken again. tally: counts it.
    """

    def __init__(self, device: torch.device, tally: Tally) -> None:
        self._device = device
        self._tally = tally
        self._room: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """A contiguous tensor with anything in it."""
        count = math.prod(shape)
        room = self._room.get((name, dtype))
        if room is None or room.numel() < count:
            self._tally.add((count - (0 if room is None else room.numel())) * dtype.itemsize)
            room = self._room[name, dtype] = torch.empty(count, dtype=dtype, device=self._device)
        return room[:count].view(tuple(shape))
