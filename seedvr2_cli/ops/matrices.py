"""Matrix products of a linear layer, in the layers' own type or in 8 bits.

In 8 bits both sides are whole numbers (int8) or e4m3 (fp8) with one scale for every row of the input and one
for every output channel, so that no row's result depends on the rows it came with.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

INT8_MAX = 127.0
FP8 = torch.float8_e4m3fn
FP8_MAX = 448.0
_TINY = 1e-12  # a row of zeros has this scale's worth of nothing
_CUDA_ROWS = 17  # the fewest rows that torch._int_mm takes on a GPU
_PANEL_ROWS, _PANEL_COLUMNS = 512, 640  # of a CPU's int8 product at a time (measured with AMX)
_CACHED = 1 << 17  # elements of a matrix that a CPU takes to int8 at a time


class Arithmetic(StrEnum):
    """What the large products are computed in."""

    PLAIN = "plain"  # the layers' own type
    INT8 = "int8"
    FP8 = "fp8"


class Matrix(Protocol):
    """A linear layer: (n, columns) -> (n, rows), of x's type."""

    @property
    def nbytes(self) -> int:
        """What it holds in memory."""
        ...

    def __call__(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Dense:
    """y = x W^T + b in one type. weight: (rows, columns); bias: (rows,)."""

    weight: Tensor
    bias: Tensor | None = None

    @property
    def nbytes(self) -> int:
        return self.weight.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True)
class Int8:
    """int8 by torch. codes: (rows, columns) int8; scales, bias: (rows,) float32.

    Codes are multiplied as they lie. oneDNN's own form would save a CPU a quarter of a product, and takes as
    long to make as 15 of them: too long for a clip of one window.
    """

    codes: Tensor
    scales: Tensor
    bias: Tensor | None

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        codes, scale = int8_rows(x)
        if x.device.type == "cpu":
            return self._in_panels(codes, scale, x.dtype)
        short = max(0, _CUDA_ROWS - len(codes))
        product = torch._int_mm(F.pad(codes, (0, 0, 0, short)), self.codes.t())[: len(x)]
        return _finish(product.float().mul_(scale).mul_(self.scales), self.bias, x.dtype)

    def _in_panels(self, codes: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
        """The product in pieces, each finished while a cache holds it."""
        out = torch.empty(len(codes), len(self.codes), dtype=dtype)
        for top in range(0, len(codes), _PANEL_ROWS):
            rows = slice(top, top + _PANEL_ROWS)
            for left in range(0, len(self.codes), _PANEL_COLUMNS):
                columns = slice(left, left + _PANEL_COLUMNS)
                product = torch._int_mm(codes[rows], self.codes[columns].t()).float()
                product.mul_(scale[rows]).mul_(self.scales[columns])
                out[rows, columns] = product if self.bias is None else product.add_(self.bias[columns])
        return out


@dataclass(frozen=True)
class Fp8:
    """e4m3 by torch. codes: (rows, columns) e4m3; scales: (1, rows) float32; bias: (rows,) float32."""

    codes: Tensor
    scales: Tensor
    bias: Tensor | None

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        codes, scale = fp8_rows(x)
        product = torch._scaled_mm(codes, self.codes.t(), scale, self.scales, out_dtype=torch.bfloat16)
        return _finish(product, self.bias, x.dtype)


def int8_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """x as whole numbers of one scale a row: (n, columns) int8, (n, 1) float32."""
    codes = torch.empty(x.shape, dtype=torch.int8, device=x.device)
    scale = torch.empty(len(x), 1, dtype=torch.float32, device=x.device)
    step = max(1, _CACHED // x.shape[1] if x.device.type == "cpu" else len(x))
    for rows, into, by in zip(x.split(step), codes.split(step), scale.split(step), strict=True):
        wide = rows.float()
        by.copy_((wide.abs().amax(1, keepdim=True) / INT8_MAX).clamp_min_(_TINY))
        into.copy_((wide / by).round_())
    return codes, scale


def fp8_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """x as e4m3 of one scale a row: (n, columns), (n, 1) float32."""
    wide = x.float()
    scale = (wide.abs().amax(1, keepdim=True) / FP8_MAX).clamp_min_(_TINY)
    return (wide / scale).to(FP8), scale


def make_matrix(weight: Tensor, bias: Tensor | None, dtype: torch.dtype, how: Arithmetic) -> Matrix:
    """A layer on weight's device. weight: (rows, columns) in any float type; bias: (rows,).

    dtype: of the plain form. Shares weight's memory where its type is dtype already.
    """
    if how is Arithmetic.PLAIN:
        return Dense(weight.to(dtype), None if bias is None else bias.to(dtype))
    wide_bias = None if bias is None else bias.float()
    if how is Arithmetic.FP8:
        codes, scale = fp8_rows(weight)
        return Fp8(codes, scale.t().contiguous(), wide_bias)
    codes, scale = int8_rows(weight)
    return Int8(codes, scale.view(-1), wide_bias)


def check_arithmetic(device: torch.device, dtype: torch.dtype, how: Arithmetic) -> str:
    """Try a small product against float32. Returns "" where it is right, else why it cannot be used."""
    draw = torch.Generator().manual_seed(0)
    weight, x = (torch.randn(64, 96, generator=draw) for _ in range(2))
    exact = x @ weight.t()
    try:
        got = make_matrix(weight.to(device), None, dtype, how)(x.to(device, dtype)).float().cpu()
    except (RuntimeError, NotImplementedError, AttributeError) as error:
        return f"torch cannot: {str(error).splitlines()[0][:120]}"
    off = float((got - exact).norm() / exact.norm())
    return "" if off < _SLACK[how] else f"its products are off by {off:.0%}"


_SLACK = {Arithmetic.PLAIN: 0.02, Arithmetic.INT8: 0.03, Arithmetic.FP8: 0.08}


def _finish(product: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    return (product if bias is None else product + bias).to(dtype)
