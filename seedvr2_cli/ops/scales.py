"""Values in 8 bits: the codes of a conv's input and of its weight, and what one step of a code is worth.

Static scales only: a causal conv adds up products of frames that were stored at different times.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError, WeightsError

E4M3 = torch.float8_e4m3fn
CODE_TYPES = (E4M3, torch.int8)
FULL_SCALE = {E4M3: 448.0, torch.int8: 127.0}  # the largest code


@dataclass(frozen=True)
class Codes:
    """How a conv's input is stored: value * lift / scale + zero, rounded to the nearest code, saturated.

    dtype: float8_e4m3fn or int8. scale: in e4m3 a power of two (`scale_for`). zero: int8's code of 0.0, which
    a slot's border holds; 0 in e4m3. lift: (C,) float32, equalises the channels; None for 1. The conv's
    weight is divided by it (`quantise_weight`).
    """

    dtype: torch.dtype
    scale: float = 1.0
    zero: int = 0
    lift: Tensor | None = None

    def __post_init__(self) -> None:
        if self.dtype not in CODE_TYPES or (self.zero and self.dtype == E4M3):
            raise ShapeError(f"{self.dtype} with {self.zero} for 0.0: codes are float8_e4m3fn or int8")
        if not (0 < self.scale < math.inf and -128 <= self.zero <= 127):
            raise ShapeError(f"codes of scale {self.scale} with {self.zero} for 0.0")

    @property
    def inverse(self) -> float:
        """What a lifted value is multiplied with."""
        return 1 / self.scale

    def encode(self, values: Tensor) -> Tensor:
        """values: (..., C), any float type. NaN stays NaN in e4m3; int8 has none and takes 0.0's code."""
        scaled = values.float() * self.inverse
        if self.lift is not None:
            scaled = scaled * self.lift
        if self.dtype == E4M3:
            return scaled.clamp(-FULL_SCALE[E4M3], FULL_SCALE[E4M3]).to(E4M3)
        rounded = scaled.nan_to_num(nan=0.0).clamp(-128 - self.zero, 127 - self.zero).round()
        return (rounded + self.zero).to(torch.int8)

    def decode(self, codes: Tensor) -> Tensor:
        """(..., C) float32: what these codes stand for."""
        values = (codes.float() - self.zero) * self.scale
        return values if self.lift is None else values / self.lift


@dataclass(frozen=True)
class CodedWeight:
    """A weight in 8 bits: codes (..., C_out, C_in, slots, kh, kw) times gain (C_out,) float32."""

    codes: Tensor
    gain: Tensor


def scale_for(bound: float, full_scale: float) -> float:
    """The smallest power of two that takes values up to `bound` to codes up to `full_scale`; 1.0 for none.

    A power of two changes no digit of a value, so that codes are the same however they are made. In e4m3 be
    generous with the bound: it errs by 2.6 % of a value wherever that lies in its range (spec/perf.md 1.4).
    """
    if not 0 < bound < math.inf:
        return 1.0
    return 2.0 ** math.ceil(math.log2(bound / full_scale))


def int8_codes(low: Tensor, high: Tensor) -> Codes:
    """low, high: (C,), the range that each channel is to hold, low <= 0 < high.

    Channels are equalised to one range, whose low end is that of the median channel: one of small values has
    its high end moved out until its low end fits.
    """
    if not torch.isfinite(torch.stack((low, high))).all():
        raise WeightsError("a norm's range has values that are not finite")
    low, high = low.float(), high.float().clamp_min(2.0**-20)
    common = float((-low / high).median().clamp_min(2.0**-8))
    zero = min(127, math.ceil(-128 + 255 * common / (1 + common)))
    return Codes(torch.int8, 1 / (127 - zero), zero, 1 / torch.maximum(high, -low / common))


def quantise_weight(weight: Tensor, dtype: torch.dtype, lift: Tensor | None = None) -> CodedWeight:
    """weight: (..., C_out, C_in, slots, kh, kw) of any float type, taps merged already; one scale for each
    output channel, at which its largest magnitude becomes the largest code. lift: (C_in,), of its input.

    Raises WeightsError for values that are not finite.
    """
    whole = weight.float()
    if lift is not None:
        whole = whole / lift.view(-1, 1, 1, 1)
    others = [axis for axis in range(whole.dim()) if axis != whole.dim() - 5]
    peak = whole.abs().amax(others)
    if not torch.isfinite(peak).all():
        raise WeightsError("a conv's weight has values that are not finite")
    largest = FULL_SCALE[dtype]
    gain = torch.where(peak > 0, peak / largest, 1.0)
    scaled = (whole / gain.view(-1, 1, 1, 1, 1)).clamp(-largest, largest)
    return CodedWeight((scaled if dtype == E4M3 else scaled.round()).to(dtype), gain)
