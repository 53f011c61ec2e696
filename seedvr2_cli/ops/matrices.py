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
class PackedInt8:
    """int8 by oneDNN on a CPU. packed: its own form of the codes. scales, bias: (rows,) float32."""

    packed: Tensor
    scales: Tensor
    zeros: Tensor
    bias: Tensor | None

    @property
    def nbytes(self) -> int:
        return self.packed.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        codes, scale = int8_rows(x)
        product = torch.ops.onednn.qlinear_pointwise(
            codes, 1.0, 0, self.packed, self.scales, self.zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return _finish(product.mul_(scale), self.bias, x.dtype)


@dataclass(frozen=True)
class Int8:
    """int8 by torch on a GPU. codes: (rows, columns) int8; scales, bias: (rows,) float32."""

    codes: Tensor
    scales: Tensor
    bias: Tensor | None

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        codes, scale = int8_rows(x)
        short = max(0, _CUDA_ROWS - len(codes))
        product = torch._int_mm(F.pad(codes, (0, 0, 0, short)), self.codes.t())[: len(x)]
        return _finish(product.float().mul_(scale).mul_(self.scales), self.bias, x.dtype)


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
    wide = x.float()
    scale = (wide.abs().amax(1, keepdim=True) / INT8_MAX).clamp_min_(_TINY)
    return (wide / scale).round_().to(torch.int8), scale


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
    scales = scale.view(-1)
    if weight.device.type == "cpu":
        packed = torch.ops.onednn.qlinear_prepack(codes, None)
        return PackedInt8(packed, scales, torch.zeros(len(codes), dtype=torch.int64), wide_bias)
    return Int8(codes, scales, wide_bias)


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
