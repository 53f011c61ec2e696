"""safetensors files: what the library writes is read; what is forged is one line."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from seedvr2_cli.weights.safetensors_file import SafetensorsFile
from tests.weights.forge import complaint, entry, safetensors_bytes

AS_STORED = [torch.float32, torch.float16, torch.bfloat16]
AS_FLOAT32 = [torch.float64, torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("dtype", AS_STORED + AS_FLOAT32)
def test_what_the_library_writes_is_read(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {
        "b": torch.randn(4, 3, 2).to(dtype),
        "a": torch.randn(5).to(dtype),
        "c": torch.ones(()).to(dtype),
    }
    save_file(tensors, tmp_path / "a.safetensors", metadata={"seedvr2.vae.config": "{}"})
    with SafetensorsFile(tmp_path / "a.safetensors") as source:
        assert source.metadata == {"seedvr2.vae.config": "{}"}
        for name, tensor in tensors.items():
            read = source.read(name)
            assert read.dtype == (dtype if dtype in AS_STORED else torch.float32)
            assert torch.equal(read, tensor.to(read.dtype))


def test_integers_are_listed_but_not_read(tmp_path: Path) -> None:
    save_file({"steps": torch.tensor([3])}, tmp_path / "a.safetensors")
    with SafetensorsFile(tmp_path / "a.safetensors") as source:
        assert source.specs["steps"].quant == "I64"
    assert complaint(tmp_path / "a.safetensors") == (
        "tensor steps: type I64 cannot be read; take a float16 file"
    )


def test_an_empty_tensor_is_read(tmp_path: Path) -> None:
    save_file({"scaled": torch.empty(0), "x": torch.ones(2, 0)}, tmp_path / "a.safetensors")
    with SafetensorsFile(tmp_path / "a.safetensors") as source:
        assert source.read("x").shape == (2, 0)


X = {"x": entry("F32", [2], 0, 8)}
FORGED = {
    "a header longer than the file": (
        safetensors_bytes(X, length=999),
        "a header of 999 bytes claimed, 61 left; download it again",
    ),
    "no JSON": (safetensors_bytes(b'{"x":'), "the header is no JSON object; download it again"),
    "no UTF-8": (safetensors_bytes(b"{\xff}"), "the header is no JSON object; download it again"),
    "a well of brackets": (
        safetensors_bytes(b'{"x":' + b"[" * 100_000),
        "the header is no JSON object; download it again",
    ),
    "a number of a million digits": (
        safetensors_bytes(b'{"x":' + b"9" * 1_000_000 + b"}"),
        "the header is no JSON object; download it again",
    ),
    "a name twice": (
        safetensors_bytes(b'{"x":{},"x":{}}'),
        "the header has x twice; download it again",
    ),
    "a name that draws on the terminal": (
        safetensors_bytes({"\x1b[2J": X["x"]}, bytes(8)),
        r"a tensor or key has the name '\x1b[2J' (length 4); download it again",
    ),
    "half a character as a name": (
        safetensors_bytes(rb'{"\ud800":{}}'),
        r"a tensor or key has the name '\ud800' (length 1); download it again",
    ),
    "metadata that is no text": (
        safetensors_bytes({"__metadata__": {"a": 1}}),
        "__metadata__ is no object of texts; download it again",
    ),
    "an entry that is a number": (
        safetensors_bytes({"x": 1}),
        "tensor x: its entry has not dtype, shape and data_offsets; download it again",
    ),
    "an unknown type": (
        safetensors_bytes({"x": entry("F4", [2], 0, 1)}, bytes(1)),
        "tensor x: unknown type F4; take a float16 file",
    ),
    "a size below zero": (
        safetensors_bytes({"x": entry("F32", [-2], 0, 8)}, bytes(8)),
        "tensor x: its shape is no list of up to 8 sizes; download it again",
    ),
    "a size that is true": (
        safetensors_bytes({"x": entry("F32", [True], 0, 4)}, bytes(4)),
        "tensor x: its shape is no list of up to 8 sizes; download it again",
    ),
    "nine dimensions": (
        safetensors_bytes({"x": entry("F32", [1] * 9, 0, 4)}, bytes(4)),
        "tensor x: its shape is no list of up to 8 sizes; download it again",
    ),
    "a product that wraps": (
        safetensors_bytes({"x": entry("F32", [1 << 32, 1 << 32], 0, 0)}),
        "tensor x: its shape is no list of up to 8 sizes; download it again",
    ),
    "emptiness of any size": (
        safetensors_bytes({"x": entry("F32", [0, 1 << 62, 1 << 62], 0, 0)}),
        "tensor x: its shape is no list of up to 8 sizes; download it again",
    ),
    "three positions": (
        safetensors_bytes({"x": {**X["x"], "data_offsets": [0, 4, 8]}}, bytes(8)),
        "tensor x: data_offsets are no two positions; download it again",
    ),
    "bytes that do not fit the shape": (
        safetensors_bytes({"x": entry("F32", [2], 0, 4)}, bytes(4)),
        "tensor x: F32 of shape (2,) takes 8 bytes, 4 claimed; download it again",
    ),
    "missing data": (
        safetensors_bytes({**X, "y": entry("F32", [2], 8, 16)}, bytes(11)),
        "tensor y: 8 bytes claimed, 3 left; download it again",
    ),
    "overlapping tensors": (
        safetensors_bytes({**X, "y": entry("F32", [2], 4, 12)}, bytes(12)),
        "tensor y overlaps x by 4 bytes; download it again",
    ),
    "a hole": (
        safetensors_bytes({**X, "y": entry("F32", [2], 12, 20)}, bytes(20)),
        "4 bytes belong to no tensor; download it again",
    ),
    "something behind the data": (
        safetensors_bytes(X, bytes(11)),
        "3 bytes belong to no tensor; download it again",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_header_is_one_line(tmp_path: Path, case: str) -> None:
    forged, expected = FORGED[case]
    (tmp_path / "a.safetensors").write_bytes(forged)
    assert complaint(tmp_path / "a.safetensors") == expected


def test_a_header_of_a_hundred_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors_bytes(b"{", length=100_000_000))
    with path.open("r+b") as file:
        file.truncate(200_000_000)  # sparse
    assert complaint(path) == (
        "a header of 100,000,000 bytes claimed, at most 16,777,216 are read; download it again"
    )
