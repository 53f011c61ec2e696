"""Remembered frames outside the device that computes, and in 8 bits."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from seedvr2_cli.ops.copies import Copies, Ticket
from seedvr2_cli.vae.engine.buffers import Buffers, Form, Scratch
from seedvr2_cli.vae.engine.past import Home

LEVELS = 255
PIECE = 1 << 17  # values


class Parked:
    """A frame in host memory. It comes and goes in the rows of a strip, one strip ahead of what computes.

    number: 0 or 1, among the frames of one conv; convs are at work one at a time, so that all of them share
    the scratch.
    """

    lent = False

    def __init__(self, form: Form, host: Buffers, scratch: Scratch, copies: Copies, number: int) -> None:
        self._data = host.take(form)
        self._host = host
        self._scratch = scratch
        self._copies = copies
        self._name = f"parked {number} {form.dtype}"
        self._turn = 0  # of two buffers: one is read while the other one is filled
        self._ahead: tuple[int, int, Tensor, Ticket] | None = None
        self._put: Ticket | None = None

    @property
    def nbytes(self) -> int:
        return self._data.nbytes

    def soon(self, first: int, last: int) -> None:
        self._turn = 1 - self._turn
        shape = (last - first, *self._data.shape[1:])
        room = self._scratch.take(f"{self._name} {self._turn}", shape, self._data.dtype)
        self._ahead = first, last, room, self._copies.start(room, self._data[first:last])

    def get(self, first: int, last: int) -> Tensor:
        if self._ahead is None or self._ahead[:2] != (first, last):
            self.soon(first, last)
        assert self._ahead is not None
        _, _, room, ticket = self._ahead
        self._ahead = None
        ticket.wait()
        return room

    def put(self, first: int, rows: Tensor) -> None:
        self._put = self._copies.start(self._data[first : first + len(rows)], rows)

    def settle(self) -> None:
        if self._put is not None:
            self._put.wait()
            self._put = None

    def release(self) -> None:
        self._host.give(self._data)
        del self._data


class Coded:
    """A frame as whole numbers of 8 bits, each pixel between the least and the largest of its own values.

    make: the home of the numbers, and that of every pixel's least value and step. What it gives back is off
    by half a step at most: `docs/numerics.md`. dtype: of the rows.
    """

    lent = False

    def __init__(self, form: Form, make: Callable[[Form], Home], scratch: Scratch, number: int) -> None:
        self._dtype = form.dtype
        self._numbers = make(replace(form, dtype=torch.uint8))
        self._ranges = make(replace(form, channels=2, dtype=torch.float32))
        self._scratch = scratch
        self._name = f"coded {number}"
        self._turn = 0

    @property
    def nbytes(self) -> int:
        return self._numbers.nbytes + self._ranges.nbytes

    def soon(self, first: int, last: int) -> None:
        self._numbers.soon(first, last)
        self._ranges.soon(first, last)

    def get(self, first: int, last: int) -> Tensor:
        numbers, ranges = self._numbers.get(first, last), self._ranges.get(first, last)
        self._turn = 1 - self._turn
        out = self._scratch.take(f"{self._name} {self._turn}", numbers.shape, self._dtype)
        least, step = ranges[..., :1], ranges[..., 1:]
        for part in self._pieces(numbers):
            out[part] = torch.addcmul(least[part], numbers[part].float(), step[part])
        return out

    def put(self, first: int, rows: Tensor) -> None:
        self.settle()
        numbers = self._scratch.take(f"{self._name} out", rows.shape, torch.uint8)
        ranges = self._scratch.take(f"{self._name} ranges", (*rows.shape[:2], 2), torch.float32)
        for part in self._pieces(rows):
            values = rows[part].float()
            least, largest = values.aminmax(dim=2, keepdim=True)
            step = (largest - least) / LEVELS
            ranges[part, :, :1], ranges[part, :, 1:] = least, step
            inverse = torch.where(step > 0, step, 1.0).reciprocal_()
            numbers[part] = values.sub(least).mul_(inverse).round_().clamp_(0, LEVELS)
        self._numbers.put(first, numbers)
        self._ranges.put(first, ranges)

    def settle(self) -> None:
        self._numbers.settle()
        self._ranges.settle()

    def _pieces(self, rows: Tensor) -> list[slice]:
        """Rows whose float32 a CPU's cache holds; all of them elsewhere."""
        at_once = max(1, PIECE // rows[0].numel()) if rows.device.type == "cpu" else len(rows)
        return [slice(k, k + at_once) for k in range(0, len(rows), at_once)]

    def release(self) -> None:
        self._numbers.release()
        self._ranges.release()
