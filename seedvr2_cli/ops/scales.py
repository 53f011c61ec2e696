"""Values in 8 bits: the codes of a conv's input and of its weight, and what one step of a code is worth.

Static scales only: a causal conv adds up products of frames that were stored at different times.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError, WeightsError

E4M3 = torch.float8_e4m3fn
CODE_TYPES = (E4M3, torch.int8)
E4M3_MAX = 448.0
INT8_MAX = 127.0
SMALLEST_PEAK = 2.0**-20  # a channel that never reaches it is stored as if it did


@dataclass(frozen=True)
class Codes:
    """How a conv's input is stored: value * inverse + zero, rounded to the nearest code, saturated.

    dtype: float8_e4m3fn or int8. inverse: (C,) float32, for each input channel; in e4m3 powers of two, which
    lose nothing. zero: the code of 0.0, which a slot's border holds; 0 in e4m3.
    """

    dtype: torch.dtype
    inverse: Tensor
    zero: int = 0

    def __post_init__(self) -> None:
        if self.dtype not in CODE_TYPES or (self.zero and self.dtype == E4M3):
            raise ShapeError(f"{self.dtype} with {self.zero} for 0.0: codes are float8_e4m3fn or int8")
        if self.inverse.dim() != 1 or self.inverse.dtype != torch.float32:
            raise ShapeError(f"{self.inverse.dtype} {tuple(self.inverse.shape)}: scales are (C,) float32")

    def encode(self, values: Tensor) -> Tensor:
        """values: (..., C), any float type. NaN stays NaN in e4m3; int8 has none and takes 0.0's code."""
        scaled = values.float() * self.inverse
        if self.dtype == E4M3:
            return scaled.clamp(-E4M3_MAX, E4M3_MAX).to(E4M3)
        rounded = scaled.nan_to_num(nan=0.0).clamp(-128 - self.zero, 127 - self.zero).round()
        return (rounded + self.zero).to(torch.int8)

    def decode(self, codes: Tensor) -> Tensor:
        """(..., C) float32: what a conv makes of these codes."""
        return (codes.float() - self.zero) / self.inverse


@dataclass(frozen=True)
class CodedWeight:
    """A weight in 8 bits, with its input's scales in it: the conv of an input's codes less `zero` with
    `codes`, times `gain`, is the conv of their values.

    codes: (..., C_out, C_in, slots, kh, kw), of the input's type; gain: (C_out,) float32.
    """

    codes: Tensor
    gain: Tensor
    zero: int


def e4m3_codes(peak: Tensor) -> Codes:
    """peak: (C,), the largest magnitude that a channel is to hold; full scale is 1 to 2 times that.

    e4m3 errs by 2.6 % of a value wherever that lies in its range, so be generous (spec/perf.md 1.4).
    """
    _check_finite("a norm's range", peak)
    _, exponent = torch.frexp(E4M3_MAX / peak.float().clamp_min(SMALLEST_PEAK))
    return Codes(E4M3, torch.ldexp(torch.ones_like(exponent, dtype=torch.float32), exponent - 1))


def int8_codes(low: Tensor, high: Tensor) -> Codes:
    """low, high: (C,), the range that each channel is to hold, low <= 0 < high.

    Channels are equalised to one common range, whose low end is that of the median channel: one of small
    values has its high end moved out until its low end fits.
    """
    _check_finite("a norm's range", torch.stack((low, high)))
    low, high = low.float(), high.float().clamp_min(SMALLEST_PEAK)
    common = (-low / high).median().clamp_min(2.0**-8)
    peak = torch.maximum(high, -low / common)
    steps = 255 / (1 + common)  # of the part above 0.0
    zero = int(torch.ceil(-128 + steps * common).clamp(-128, 127))
    return Codes(torch.int8, (127 - zero) / peak, zero)


def quantise_weight(weight: Tensor, codes: Codes) -> CodedWeight:
    """weight: (..., C_out, C_in, slots, kh, kw) of any float type, taps merged already; one scale for each
    output channel, at which its largest magnitude becomes the largest code.

    Raises WeightsError for values that are not finite, ShapeError for another number of input channels.
    """
    if weight.shape[-4] != len(codes.inverse):
        raise ShapeError(f"{weight.shape[-4]} input channels, scales for {len(codes.inverse)}")
    whole = weight.float() / codes.inverse.view(-1, 1, 1, 1)
    others = [axis for axis in range(whole.dim()) if axis != whole.dim() - 5]
    peak = whole.abs().amax(others)
    _check_finite("a conv's weight", peak)
    largest = E4M3_MAX if codes.dtype == E4M3 else INT8_MAX
    gain = torch.where(peak > 0, peak / largest, 1.0)
    scaled = (whole / gain.view(-1, 1, 1, 1, 1)).clamp(-largest, largest)
    rounded = scaled if codes.dtype == E4M3 else scaled.round()
    return CodedWeight(rounded.to(codes.dtype), gain, codes.zero)


def _check_finite(name: str, value: Tensor) -> None:
    if not torch.isfinite(value).all():
        raise WeightsError(f"{name} has values that are not finite")
