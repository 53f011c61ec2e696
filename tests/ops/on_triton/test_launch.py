"""Where Triton cannot make a kernel, a launch says so in one line of our own."""

from subprocess import CalledProcessError

import pytest
import torch

from seedvr2_cli.base.errors import DeviceError
from seedvr2_cli.ops.on_triton.launch import Call, emitted, run

pytestmark = pytest.mark.triton


class Failing:
    """A kernel that fails wherever it is compiled."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getitem__(self, grid):
        return self._fail

    def warmup(self, **_):
        self._fail()

    def _fail(self, **_):
        raise self._error


def errors() -> dict[str, Exception]:
    from triton.runtime.errors import OutOfResources

    return {
        "Triton cannot make a kernel: out of resource: shared memory, Required: 131072, "
        "Hardware limit: 101376. Reducing block sizes or `num_stages` may help.": OutOfResources(
            131072, 101376, "shared memory"
        ),
        "Triton cannot make a kernel: Command 'gcc' returned non-zero exit status 1.": CalledProcessError(
            1, "gcc"
        ),
    }


@pytest.mark.parametrize("start", [run, emitted])
def test_what_triton_or_its_c_compiler_raises_is_a_device_error(start):
    for line, error in errors().items():
        call = Call(Failing(error), 1, {}, warps=4, stages=1)
        with pytest.raises(DeviceError) as caught:
            start(call, torch.device("meta"))
        assert str(caught.value) == line
