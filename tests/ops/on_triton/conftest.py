"""Where the kernels run: on a CUDA device where there is one, else in Triton's interpreter on the CPU."""

import pytest
import torch

from seedvr2_cli.ops.on_triton.available import available


def on_cuda() -> bool:
    """Whether this machine runs the compiled kernels."""
    return torch.cuda.is_available() and available(torch.cuda.get_device_capability())[0]


def pytest_configure(config: pytest.Config) -> None:
    """Triton chooses its interpreter when it is imported, which torch does by itself for a meta tensor."""
    if not on_cuda():
        patch = pytest.MonkeyPatch()
        patch.setenv("TRITON_INTERPRET", "1")
        config.add_cleanup(patch.undo)


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The same cases hold on both."""
    return torch.device("cuda", torch.cuda.current_device()) if on_cuda() else torch.device("cpu")
