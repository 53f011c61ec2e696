"""TF32 is off while a float32 run computes on CUDA, and as it was before and after."""

import pytest
import torch

from seedvr2_cli.ops.exact import exact_float32

CUDNN = torch.backends.cudnn
CUDA, CPU = torch.device("cuda"), torch.device("cpu")


def switches() -> tuple[bool, bool, bool, bool]:
    return CUDNN.enabled, CUDNN.benchmark, CUDNN.deterministic, CUDNN.allow_tf32


def test_float32_on_cuda_is_computed_without_it():
    before = switches()
    with exact_float32(CUDA, torch.float32):
        assert switches() == (*before[:3], False)
    assert switches() == before


@pytest.mark.parametrize(("device", "dtype"), [(CUDA, torch.bfloat16), (CPU, torch.float32)])
def test_nothing_else_is_touched(device, dtype):
    before = switches()
    with exact_float32(device, dtype):
        assert switches() == before


def test_an_error_leaves_it_as_it_was():
    before = switches()
    with pytest.raises(RuntimeError), exact_float32(CUDA, torch.float32):
        raise RuntimeError
    assert switches() == before
