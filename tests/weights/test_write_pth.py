"""Checkpoints written tensor after tensor are those of torch.save."""

import errno
import zipfile
from pathlib import Path

import pytest
import torch

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.write import TensorPlan
from seedvr2_cli.weights.write_pth import write_pth

TENSORS = {
    "conv.weight": torch.randn(4, 3, 3, 3, 3),
    "norm.weight": torch.randn(5).half(),
    "to_q.weight": torch.randn(7, 9).bfloat16(),
    "one": torch.tensor(3.0),
}
QUANTS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
PLAN = [TensorPlan(name, tuple(t.shape), QUANTS[t.dtype]) for name, t in TENSORS.items()]


@pytest.mark.parametrize("mmap", [False, True])
def test_torch_loads_a_plain_dict_weights_only(tmp_path: Path, mmap: bool) -> None:
    path = tmp_path / "a.pth"
    write_pth(path, PLAN, TENSORS.__getitem__)
    loaded = torch.load(path, weights_only=True, mmap=mmap)
    assert type(loaded) is dict
    assert list(loaded) == list(TENSORS)
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)
        assert loaded[name].is_contiguous()
        assert not mmap or loaded[name].data_ptr() % 64 == 0


def test_our_reader_takes_it_and_the_zip_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    write_pth(path, PLAN, TENSORS.__getitem__)
    with open_weights(path) as source:
        assert {name: spec.quant for name, spec in source.specs.items()} == {p.name: p.quant for p in PLAN}
        assert all(torch.equal(source.read(name), tensor) for name, tensor in TENSORS.items())
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_is_one_line() -> None:
    with pytest.raises(OutputError) as error:
        write_pth(Path("/dev/full"), [TensorPlan("x", (9,), "F32")], lambda _: torch.ones(9))
    assert error.value.__cause__.errno == errno.ENOSPC
