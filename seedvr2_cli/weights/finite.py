"""Weights must be finite, and stay so in the type they are cast to."""

from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.source import AGAIN


def is_finite(tensor: Tensor) -> bool:
    """True if no value is NaN or infinite: one pass over the tensor, and no memory."""
    if tensor.numel() == 0:
        return True
    low, high = tensor.aminmax()  # both are NaN if any value is
    return bool(low.isfinite() and high.isfinite())


def not_finite(
    path: Path, name: str, stored: Tensor, dtype: torch.dtype, *, do: str = "give --dtype float32"
) -> WeightsError:
    """Why a tensor is not finite in dtype: the file is damaged, or its numbers are too large for the type.

    do: the way out of the second.
    """
    bad = stored.numel() - int(stored.isfinite().sum())
    if bad:
        return WeightsError(
            f"tensor {name}: {bad:,} of {stored.numel():,} values are not finite", where=path, do=AGAIN
        )
    word = str(dtype).removeprefix("torch.")
    largest = float(stored.abs().max())
    return WeightsError(f"tensor {name}: {largest:,.0f} is too large for {word}", where=path, do=do)
