"""Whatever bytes a file has, opening and reading it ends soon, in its tensors or in one line."""

import time
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.forge import complaint, save, with_pickle

TENSORS = {
    "encoder.conv_in.weight": torch.ones(8, 2, 1, 4, 4),
    "encoder.conv_in.bias": torch.ones(8),
    "mid.attentions.0.query.weight": torch.ones(4, 4),
}
TELLING = [0, 1, 2, 8, 9, 10, 32, 0x2E, 0x7F, 0x80, 0xFF]  # value types, opcodes, signs
numbers = st.sampled_from([0, 1, 1 << 31, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])

edits = st.one_of(
    st.tuples(st.just("byte"), st.sampled_from(TELLING) | st.integers(0, 255)),
    st.tuples(st.just("number"), numbers),
    st.tuples(st.just("insert"), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("remove"), st.integers(1, 9)),
    st.tuples(st.just("cut"), st.none()),
)
damage = st.lists(st.tuples(st.floats(0, 1), edits), min_size=1, max_size=4)


def damaged(whole: bytes, changes: list) -> bytes:
    """Apply edits, each at a place given as a part of the length."""
    data = bytearray(whole)
    for place, (kind, value) in changes:
        at = int(place * len(data))
        if kind == "byte":
            data[at : at + 1] = bytes([value])
        elif kind == "number":
            data[at : at + 8] = value.to_bytes(8, "little")
        elif kind == "insert":
            data[at:at] = value
        else:
            del data[at : at + value if kind == "remove" else None]
    return bytes(data)


@pytest.fixture(scope="module", params=["a.gguf", "a.safetensors", "a.pth"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / request.param
    quants = {"encoder.conv_in.weight": "Q8_0"} if path.suffix == ".gguf" else {}
    save(path, TENSORS, quants)
    assert complaint(path) == ""
    return path


@given(changes=damage)
def test_a_damaged_file_ends_in_its_tensors_or_in_one_line(whole: Path, changes: list) -> None:
    path = whole.with_stem("damaged")
    path.write_bytes(damaged(whole.read_bytes(), changes))
    started = time.monotonic()
    assert "\n" not in complaint(path)  # anything but a WeightsError ends the test
    assert time.monotonic() - started < 5


@given(changes=damage)
def test_a_damaged_header_ends_so_too(whole: Path, changes: list) -> None:
    """Most edits above hit data; here all hit the first 600 bytes."""
    path = whole.with_stem("damaged")
    data = whole.read_bytes()
    path.write_bytes(damaged(data[:600], changes) + data[600:])
    assert "\n" not in complaint(path)


@given(changes=damage)
def test_a_damaged_pickle_ends_so_too(tmp_path_factory: pytest.TempPathFactory, changes: list) -> None:
    """The checksums of the zip are right, so the pickle itself has to be looked at."""
    path = save(tmp_path_factory.mktemp("pickle") / "a.pth", TENSORS)
    with zipfile.ZipFile(path) as archive:
        pickled = archive.read("a/data.pkl")
    with_pickle(path, damaged(pickled, changes))
    assert "\n" not in complaint(path)
