"""A tensor as its file stores it, which becomes numbers only where and when it is needed."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seedvr2_cli.weights.quants import BLOCKS, decode

_ROWS = 1 << 22  # elements of a scaled tensor made at once: 16 MiB of float32


@dataclass(frozen=True)
class Stored:
    """raw: (bytes,) uint8 on any device, often a view on the mapped file. quant: a key of `quants.BLOCKS`.

    scale: what every value, or every row, is to be multiplied with: float32 of 1 or shape[0] elements.
    """

    raw: Tensor
    quant: str
    shape: tuple[int, ...]
    scale: Tensor | None = None

    @property
    def nbytes(self) -> int:
        return self.raw.numel()

    def lies_as(self, dtype: torch.dtype) -> bool:
        """True where the raw bytes are the tensor's numbers in dtype already."""
        block = BLOCKS[self.quant]
        return (
            self.scale is None
            and block.elements == 1
            and block.nbytes == dtype.itemsize
            and block.dtype == dtype
        )

    def dense(self, dtype: torch.dtype) -> Tensor:
        """The tensor in its shape, on the raw bytes' device. It shares their memory where it lies as dtype
        already; else it is decoded in float32 and rounded once."""
        if self.lies_as(dtype):
            return _aligned(self.raw, dtype.itemsize).view(dtype).view(self.shape)
        out = torch.empty(self.shape, dtype=dtype, device=self.raw.device)
        if self.scale is None:
            return decode(self.raw, self.quant, out)
        self._fill_scaled(out)
        return out

    def rows(self, start: int, stop: int) -> "Stored":
        """The rows [start, stop) of a matrix, without a copy. Blocks may not reach across rows."""
        each = self.nbytes // self.shape[0]
        scale = self.scale if self.scale is None or self.scale.numel() == 1 else self.scale[start:stop]
        part = self.raw[start * each : stop * each]
        return replace(self, raw=part, shape=(stop - start, *self.shape[1:]), scale=scale)

    def to(self, device: torch.device) -> "Stored":
        """The same bytes on another device; the copy may still be under way where they are pinned."""
        scale = None if self.scale is None else self.scale.to(device, non_blocking=True)
        return replace(self, raw=self.raw.to(device, non_blocking=True), scale=scale)

    def pinned(self) -> "Stored":
        """A copy in memory that a GPU can fetch from by itself."""
        return replace(self, raw=self.raw.clone().pin_memory())

    def _fill_scaled(self, out: Tensor) -> None:
        assert self.scale is not None
        step = max(1, _ROWS // max(1, math.prod(self.shape[1:])))
        plain = replace(self, scale=None)
        for at in range(0, self.shape[0], step):
            stop = min(at + step, self.shape[0])
            scale = self.scale if self.scale.numel() == 1 else self.scale[at:stop]
            part = plain.rows(at, stop).dense(torch.float32)
            out[at:stop] = part * scale.view(-1, *[1] * (len(self.shape) - 1))


def _aligned(raw: Tensor, nbytes: int) -> Tensor:
    """raw, copied if it does not begin where elements of nbytes bytes may."""
    return raw.clone() if raw.storage_offset() % nbytes else raw
