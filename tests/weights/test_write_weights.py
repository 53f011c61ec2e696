"""What the writers write, the readers and the formats' own libraries read."""

import errno
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors import safe_open

from seedvr2_cli.base.errors import OutputError, WeightsError
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.recipe import recipe_tensor
from seedvr2_cli.weights.write import (
    PLAIN,
    QUANTISABLE,
    TensorPlan,
    quant_for,
    write_gguf,
    write_safetensors,
)

SHAPES = {
    "odd.bias": (3,),
    "conv.weight": (16, 16, 3, 3, 3),
    "to_q.weight": (32, 32),
    "wide.weight": (2, 256),
}
WEIGHTS = {name: torch.from_numpy(recipe_tensor(name, shape, seed=1)) for name, shape in SHAPES.items()}
CONFIG = {"seedvr2.vae.config": '{"latent_channels": 16}'}


@pytest.mark.parametrize("quant", PLAIN)
def test_safetensors_reads_what_was_written(tmp_path: Path, quant: str) -> None:
    path = tmp_path / "a.safetensors"
    plan = [TensorPlan("odd.bias", (3,), quant)]
    plan += [TensorPlan(name, shape, "F32") for name, shape in SHAPES.items() if name != "odd.bias"]
    write_safetensors(path, plan, WEIGHTS.__getitem__, CONFIG)
    with safe_open(path, "pt") as theirs, open_weights(path) as ours:
        assert theirs.metadata() == ours.metadata == CONFIG
        for name in SHAPES:
            assert torch.equal(theirs.get_tensor(name), ours.read(name))
            assert torch.equal(ours.read(name), WEIGHTS[name].to(ours.read(name).dtype))
        assert all(spec.offset % 4 == 0 for spec in ours.specs.values() if spec.quant == "F32")


@pytest.mark.parametrize("quant", [*PLAIN, *QUANTISABLE])
def test_gguf_reads_what_was_written(tmp_path: Path, quant: str) -> None:
    path = tmp_path / "a.gguf"
    plan = [TensorPlan(name, shape, quant_for(shape, quant)) for name, shape in SHAPES.items()]
    write_gguf(path, plan, WEIGHTS.__getitem__, CONFIG)
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    assert list(theirs) == list(SHAPES)
    with open_weights(path) as ours:
        assert ours.metadata == {"general.architecture": "seedvr2_vae", **CONFIG}
        for name, shape in SHAPES.items():
            assert ours.specs[name].shape == shape
            assert theirs[name].tensor_type.name == ours.specs[name].quant
            expected = gguf.quants.dequantize(theirs[name].data, theirs[name].tensor_type).reshape(shape)
            assert np.array_equal(ours.read(name).float().numpy(), expected)
            assert (ours.read(name).float() - WEIGHTS[name]).abs().max() < 0.3 * WEIGHTS[name].abs().max()


def test_quantised_kernels_are_noted_and_matrices_of_whole_rows_are_not(tmp_path: Path) -> None:
    plan = [TensorPlan(name, shape, quant_for(shape, "Q8_0")) for name, shape in SHAPES.items()]
    write_gguf(tmp_path / "a.gguf", plan, WEIGHTS.__getitem__, {})
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    assert reader.get_field("comfy.gguf.orig_shape.conv.weight").contents() == [16, 16, 3, 3, 3]
    assert reader.get_field("comfy.gguf.orig_shape.wide.weight") is None
    assert {t.name: t.shape.tolist() for t in reader.tensors} == {
        "odd.bias": [3],
        "conv.weight": [256, 27],
        "to_q.weight": [256, 4],
        "wide.weight": [256, 2],
    }


def test_vectors_and_what_fits_no_block_stay_plain() -> None:
    assert quant_for((128,), "Q8_0") == "F32"
    assert quant_for((16, 3, 3, 3, 3), "Q8_0") == "F16"
    assert quant_for((16, 3, 3, 3, 3), "F32") == "F32"


def test_numbers_too_large_for_the_type_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    with pytest.raises(WeightsError) as error:
        write_gguf(path, [TensorPlan("x", (2,), "F16")], lambda _: torch.tensor([1.0, 1e5]), {})
    assert str(error.value) == f"{path}: tensor x: 100,000 is too large for float16; take --type BF16 or F32"


@pytest.mark.parametrize("write", [write_gguf, write_safetensors])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_is_one_line(write: object) -> None:
    with pytest.raises(OutputError) as error:
        write(Path("/dev/full"), [TensorPlan("x", (9,), "F32")], lambda _: torch.ones(9), {})
    assert error.value.__cause__.errno == errno.ENOSPC
    assert str(error.value) == "/dev/full: no space left on the disk; free some, or give another -o"


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "no" / "a.gguf"
    with pytest.raises(OutputError) as error:
        write_gguf(path, [], WEIGHTS.__getitem__, {})
    assert str(error.value) == f"{path}: cannot be written (No such file or directory); give another -o"
