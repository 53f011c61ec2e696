"""What every back end of the engine's operators agrees on: layouts, values and checks.

All work on frames of one clip, channels last:

- a raw map: (h, W, C), rows of one frame;
- a slot: (h + 2, W, C), the same rows of a conv's normalised input with the row above and the row below,
  which are zero at the frame's top and bottom. Columns have no border: outside the frame they count as zero.
  A slot in 8 bits holds codes (scales.Codes), its border rows the code of 0.0: `new_slot` makes either.

A strip of rows [y0, y1) of a frame is a view: `map[y0:y1]` and `slot[y0 : y1 + 2]`, so no operator knows of
strips but `conv_phases`, whose bias differs at the frame's edges. A causal conv takes its slots oldest first;
the caller owns them and exchanges them from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops.scales import CODE_TYPES, Codes

MAP_TYPES = (torch.float16, torch.bfloat16, torch.float32)
Form = torch.dtype | Codes  # of slots: a map's type, or codes


@dataclass(frozen=True)
class ChannelSums:
    """Over `count` pixels, per channel: their total, and m2, the sum of squared distances from their mean.

    total, m2: (C,) float32. Sums of strips are merged; the variance of a group of channels follows from them.
    """

    count: int
    total: Tensor
    m2: Tensor

    def merge(self, other: ChannelSums) -> ChannelSums:
        """The sums over both sets of pixels, without the cancellation of plain sums of squares."""
        apart = other.total / other.count - self.total / self.count
        count = self.count + other.count
        m2 = self.m2 + other.m2 + apart * apart * (self.count * other.count / count)
        return ChannelSums(count, self.total + other.total, m2)


def new_slot(rows: int, columns: int, channels: int, form: Form, device: torch.device) -> Tensor:
    """A slot of `rows` rows and its border, all of it 0.0."""
    dtype, zero = (form.dtype, form.zero) if isinstance(form, Codes) else (form, 0)
    slot = torch.zeros(rows + 2, columns, channels, dtype=dtype, device=device)
    return slot.fill_(zero) if zero else slot


def interior(slot: Tensor) -> Tensor:
    """The rows of a slot that a norm writes: (h, W, C), without the rows above and below."""
    return slot[1:-1]


def check_map(name: str, value: Tensor) -> None:
    """Raise ShapeError unless value is (h, W, C), contiguous, of a map's type and not empty."""
    _check_rows(name, value)
    if value.dtype not in MAP_TYPES:
        raise ShapeError(f"{value.dtype}: maps are float16, bfloat16 or float32", where=name)


def check_tensor(
    name: str, value: Tensor, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> None:
    """Raise ShapeError unless value is contiguous, of this shape and type, and on this device."""
    if tuple(value.shape) != shape or not value.is_contiguous():
        raise ShapeError(f"shape {tuple(value.shape)}, {shape} in one piece expected", where=name)
    if value.dtype != dtype or value.device != device:
        raise ShapeError(f"{value.dtype} on {value.device}, {dtype} on {device} expected", where=name)


def check_slots(slots: tuple[Tensor, ...], slot_count: int, c_in: int) -> tuple[int, int]:
    """The (rows, columns) that a conv of these slots puts out. Raises ShapeError where they do not fit it."""
    if len(slots) != slot_count:
        raise ShapeError(f"{len(slots)} slots given to a conv packed for {slot_count}")
    _check_rows("slot", slots[0])
    if slots[0].dtype not in (*MAP_TYPES, *CODE_TYPES):
        raise ShapeError(f"{slots[0].dtype}: slots hold what maps do, or 8-bit codes", where="slot")
    rows, columns, channels = slots[0].shape
    if rows < 3 or channels != c_in:
        raise ShapeError(f"shape {tuple(slots[0].shape)}, (rows + 2, columns, {c_in}) expected", where="slot")
    for slot in slots[1:]:
        check_tensor("slot", slot, tuple(slots[0].shape), slots[0].dtype, slots[0].device)
    return rows - 2, columns


def _check_rows(name: str, value: Tensor) -> None:
    if value.dim() != 3 or 0 in value.shape or not value.is_contiguous():
        raise ShapeError(
            f"shape {tuple(value.shape)}, (rows, columns, channels) in one piece expected",
            where=name,
        )
