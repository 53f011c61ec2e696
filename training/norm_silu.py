"""GroupNorm, SiLU and a causal conv's leading frames as one differentiable operator (norm_silu.cpp)."""

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.utils.cpp_extension import load

from seedvr2_cli.vae.layers import NORM_EPS

FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]


@cache
def _built() -> ModuleType:
    """Compiled by the machine's C++ compiler, once for each machine (25 s)."""
    source = Path(__file__).with_suffix(".cpp")
    return load("seedvr2_norm_silu", [str(source)], extra_cflags=FLAGS, extra_ldflags=["-fopenmp"])


class _NormSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, front: int) -> Tensor:
        y, mean, rstd = _built().forward(x, weight, bias, groups, NORM_EPS, front)
        ctx.save_for_backward(x, weight, bias, mean, rstd)
        ctx.front = front
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dx, dweight, dbias = _built().backward(grads[0].contiguous(), *ctx.saved_tensors, ctx.front)
        return dx, dweight, dbias, None, None


def norm_silu(x: Tensor, norm: torch.nn.GroupNorm, *, front: int) -> Tensor:
    """x (B, T, H, W, C) bfloat16 -> silu(norm(x)) (B, front + T, H, W, C).

    It begins with `front` copies of its first frame.
    """
    b, t, h, w, c = x.shape
    y = _NormSilu.apply(x.reshape(b, t, h * w, c), norm.weight, norm.bias, norm.num_groups, front)
    return y.view(b, t + front, h, w, c)
