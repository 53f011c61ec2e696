"""A file is what it holds, whatever its name says."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.source import Format, Summary, TensorSpec, summarise
from tests.weights.forge import complaint, safetensors_bytes, save

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2)}
NAMES = {".gguf": Format.GGUF, ".safetensors": Format.SAFETENSORS, ".pth": Format.PTH}


@pytest.mark.parametrize("named", [*NAMES, ".txt", ""])
@pytest.mark.parametrize("written", NAMES)
def test_the_content_decides_whatever_the_name(tmp_path: Path, written: str, named: str) -> None:
    path = save(tmp_path / f"a{written}", TENSORS).rename(tmp_path / f"b{named}")
    if (written, named) == (".pth", ".safetensors"):  # torch itself goes by this name
        assert complaint(path) == "is a PyTorch checkpoint by another name; rename it to .pth"
        return
    with open_weights(path) as source:
        assert source.format == NAMES[written]
        assert source.path == path
        assert source.misnamed == (named in NAMES and named != written)
        assert all(torch.equal(source.read(name), tensor) for name, tensor in TENSORS.items())


def test_a_prefix_and_old_names_are_brought_up_to_date(tmp_path: Path) -> None:
    stored = {"vae.mid.attentions.0.query.weight": torch.ones(2, 2), "vae.conv.bias": torch.zeros(2)}
    with open_weights(save(tmp_path / "a.gguf", stored)) as source:
        assert list(source.specs) == ["mid.attentions.0.to_q.weight", "conv.bias"]
        assert source.specs["conv.bias"].name == "conv.bias"
        assert torch.equal(source.read("mid.attentions.0.to_q.weight"), torch.ones(2, 2))


NO_WEIGHTS = {
    "empty": (b"", "is empty; download it again"),
    "text": (
        b"hello\nworld",
        "not a weight file: begins with 'hello\\nworld'; give a .safetensors, .gguf or .pth file",
    ),
    "a gzip": (
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        "not a weight file: begins with the bytes 1f 8b 08 00 00 00 00 00; "
        "give a .safetensors, .gguf or .pth file",
    ),
    "a git-lfs pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:20678548\nsize 501324814\n",
        "is a git-lfs pointer, not the file it stands for; run git lfs pull",
    ),
    "a web page": (
        b"\n<!DOCTYPE html><html>",
        "is a web page, not the file it links to; download it again",
    ),
    "a pickle": (
        pickle.dumps({"x": 1}, protocol=2),
        "is a pickle in PyTorch's format before 1.6, which can run code; "
        "load it with the torch it came from, where you trust it, and save it as safetensors",
    ),
    "a cut safetensors file": (
        safetensors_bytes({"x": 1})[:12],
        "a header of 8 bytes claimed, 4 left; download it again",
    ),
    "the magic of a GGUF alone": (
        b"GGUF",
        "the version: 4 bytes claimed, 0 left; download it again",
    ),
    "another zip": (b"PK\3\4", "is cut off: the zip directory at its end is missing; download it again"),
}


@pytest.mark.parametrize("name", ["a.gguf", "a.safetensors"])
@pytest.mark.parametrize("case", NO_WEIGHTS)
def test_what_is_no_weight_file_is_said(tmp_path: Path, case: str, name: str) -> None:
    content, expected = NO_WEIGHTS[case]
    (tmp_path / name).write_bytes(content)
    assert complaint(tmp_path / name) == expected


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert complaint(tmp_path / "a.gguf") == "no such file; give a .safetensors, .gguf or .pth file"


def test_a_folder_is_said(tmp_path: Path) -> None:
    assert complaint(tmp_path) == "is a folder; give a .safetensors, .gguf or .pth file"


def test_a_name_no_file_can_have_is_said() -> None:
    with pytest.raises(WeightsError) as error:
        open_weights(Path("a\0b"))
    assert str(error.value) == "a?b: no such file; give a .safetensors, .gguf or .pth file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.gguf")
    assert complaint(tmp_path / "a.gguf") == ("is no regular file; give a .safetensors, .gguf or .pth file")


def test_a_summary_counts_and_sorts_by_bytes() -> None:
    specs = [
        TensorSpec("a.weight", (4, 256), "Q8_0", 1088, 0),
        TensorSpec("b.weight", (256,), "Q4_0", 144, 1088),
        TensorSpec("c.weight", (8, 1, 1, 3, 3), "F16", 144, 1232),
        TensorSpec("c.bias", (8,), "F32", 32, 1376),
    ]
    assert summarise(specs) == Summary(
        tensors=4, parameters=1360, nbytes=1408, quants=("Q8_0", "F16", "Q4_0")
    )
    assert summarise(specs[3:]).quants == ("F32",)
