"""float32 that is float32 on a CUDA device, for as long as our code runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def exact_float32(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """No TF32 in cuDNN's convs while a float32 run computes; what was set before is set again after.

    torch lets cuDNN round a conv's float32 operands to 10 bits unless told otherwise, and some of those
    kernels are broken (cuDNN 9.10.2 to 9.15; field/peers.md 7). Other types are left alone.
    """
    if device.type != "cuda" or dtype != torch.float32:
        yield
        return
    cudnn = torch.backends.cudnn
    with cudnn.flags(
        enabled=cudnn.enabled,
        benchmark=cudnn.benchmark,
        deterministic=cudnn.deterministic,
        allow_tf32=False,
    ):
        yield
