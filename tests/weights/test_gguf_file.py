"""GGUF files: true shapes, and gguf's values."""

import json
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from seedvr2_cli.weights.gguf_file import GGUFFile
from tests.weights.forge import (
    ARRAY,
    I32,
    STRING,
    TYPE_F16,
    complaint,
    gguf_array,
    gguf_bytes,
    gguf_key,
    gguf_tensor,
    gguf_text,
)

HERE = ["gg_flat_q4_0.gguf", "gg_origshape_mixed.gguf"]
LARGER = ["gg_native5d_f16.gguf", "gg_origshape_q8_0.gguf"]


def assert_values_are_ggufs(path: Path) -> None:
    with GGUFFile(path) as source:
        for theirs in gguf.GGUFReader(path).tensors:
            expected = theirs.data
            if expected.dtype == np.uint8:
                expected = gguf.quants.dequantize(expected, theirs.tensor_type)
            ours = source.read(theirs.name)
            assert ours.shape == source.specs[theirs.name].shape
            assert np.array_equal(ours.float().numpy().reshape(-1), expected.astype(np.float32).reshape(-1))


@pytest.mark.parametrize("name", HERE)
def test_values_are_those_of_gguf(data: Path, name: str) -> None:
    assert_values_are_ggufs(data / "weights" / name)


@pytest.mark.shared
@pytest.mark.parametrize("name", LARGER)
def test_values_of_larger_files_are_those_of_gguf(shared: Path, name: str) -> None:
    assert_values_are_ggufs(shared / "fixtures" / "vae" / name)


def test_the_noted_shape_is_the_shape(data: Path) -> None:
    expected = json.loads((data / "weights" / "shapes.json").read_text())["gg"]
    with GGUFFile(data / "weights" / "gg_origshape_mixed.gguf") as source:
        assert {name: list(spec.shape) for name, spec in source.specs.items()} == expected


def test_the_config_travels_in_the_file(data: Path) -> None:
    with GGUFFile(data / "weights" / "gg_flat_q4_0.gguf") as source:
        assert json.loads(source.metadata["seedvr2.vae.config"])["block_out_channels"] == [16, 32]


def test_tensors_outlive_the_file_and_are_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    numbers = np.arange(6, dtype=np.float16)
    path.write_bytes(gguf_bytes([gguf_tensor("x", [3, 2], TYPE_F16)], data=numbers.tobytes()))
    with GGUFFile(path) as source:
        x = source.read("x")
    x += 1
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert x.dtype == torch.float16
    with GGUFFile(path) as source:
        assert source.read("x").tolist() == [[0, 1, 2], [3, 4, 5]]


def note(*shape: int) -> bytes:
    values = gguf_array(I32, len(shape), struct.pack(f"<{len(shape)}i", *shape))
    return gguf_key("comfy.gguf.orig_shape.x", ARRAY, values)


BAD_NOTES = {
    "another size": ([note(3, 5)], "(3, 5)"),
    "below zero": ([note(-2, -4)], "(-2, -4)"),
    "no size": ([note()], "()"),
}


@pytest.mark.parametrize("case", BAD_NOTES)
def test_a_note_that_does_not_fit_is_an_error(tmp_path: Path, case: str) -> None:
    keys, said = BAD_NOTES[case]
    (tmp_path / "a.gguf").write_bytes(gguf_bytes([gguf_tensor("x", [4, 2])], keys, bytes(32)))
    assert complaint(tmp_path / "a.gguf") == (
        f"tensor x: stored as (2, 4), comfy.gguf.orig_shape.* says {said}; download it again"
    )


def test_a_part_of_a_split_file_is_refused(tmp_path: Path) -> None:
    keys = [
        gguf_key("general.name", STRING, gguf_text("x")),
        gguf_key("split.count", 2, struct.pack("<H", 3)),
    ]
    (tmp_path / "a.gguf").write_bytes(gguf_bytes(keys=keys))
    assert complaint(tmp_path / "a.gguf") == (
        "is one of 3 parts of a split GGUF; merge them with gguf-split --merge"
    )


def test_a_type_without_code_is_listed_but_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    iq4_nl = gguf.GGMLQuantizationType.IQ4_NL
    path.write_bytes(gguf_bytes([gguf_tensor("x", [32], iq4_nl)], data=bytes(18)))
    with GGUFFile(path) as source:
        assert source.specs["x"].quant == "IQ4_NL"
    assert complaint(path) == "tensor x: type IQ4_NL cannot be read; take a float16 file"
