"""PyTorch checkpoints: the state dict is found, and nothing in the file is run."""

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from seedvr2_cli.weights.pth_file import PthFile
from tests.weights.forge import complaint, with_pickle

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2).half()}
WRAPPED = {
    "at the top": STATE,
    "ordered": OrderedDict(STATE),
    "as parameters": {name: torch.nn.Parameter(tensor) for name, tensor in STATE.items()},
    "under state_dict": {"state_dict": STATE, "epoch": 3, "note": "x"},
    "under ema": {"ema": STATE, "step": torch.tensor(5)},
    "two wrappers down": {"model": {"params": STATE}},
}


@pytest.mark.parametrize("case", WRAPPED)
def test_the_state_dict_is_found(tmp_path: Path, case: str) -> None:
    torch.save(WRAPPED[case], tmp_path / "a.pth")
    with PthFile(tmp_path / "a.pth") as source:
        assert {name: (s.shape, s.quant) for name, s in source.specs.items()} == {
            "a.weight": ((2, 3), "F32"),
            "a.bias": ((2,), "F16"),
        }
        assert all(torch.equal(source.read(name), tensor) for name, tensor in STATE.items())


def test_shared_and_strided_tensors_are_read_as_they_are(tmp_path: Path) -> None:
    base = torch.arange(12.0).view(3, 4)
    state = {"base": base, "turned": base.t(), "row": base[1], "column": base[:, 2], "double": base.double()}
    torch.save(state, tmp_path / "a.pth")
    with PthFile(tmp_path / "a.pth") as source:
        for name, tensor in state.items():
            read = source.read(name)
            assert torch.equal(read, tensor.float())
            assert read.is_contiguous()


def test_tensors_outlive_the_file_and_are_ones_own(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "a.pth")
    with PthFile(tmp_path / "a.pth") as source:
        read = source.read("a.weight")
        read += 1
        assert torch.equal(source.read("a.weight"), STATE["a.weight"])
    assert torch.equal(read, STATE["a.weight"] + 1)


class Deed:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


CALLS = {
    f"{os.name}.system": Deed(os.system, "true"),
    "__builtin__.bytearray": Deed(bytearray, 1 << 40),
    "torch.storage.UntypedStorage": Deed(torch.UntypedStorage, 1 << 50),
    "__builtin__.eval": Deed(eval, "1"),
}


@pytest.mark.parametrize("wanted", CALLS)
def test_a_pickle_that_asks_for_more_than_tensors_is_refused(tmp_path: Path, wanted: str) -> None:
    torch.save(STATE, tmp_path / "a.pth")
    with_pickle(tmp_path / "a.pth", pickle.dumps({"x": CALLS[wanted]}, protocol=2))
    assert complaint(tmp_path / "a.pth") == (
        f"refused: its pickle asks for {wanted}, so it may run code when opened; "
        "take a .safetensors file instead"
    )


class Storage:
    """Pickles as one of the file's storages of `numel` float32, whatever that storage has."""

    def __init__(self, numel: int) -> None:
        self.numel = numel


class Forger(pickle._Pickler):  # the one in Python, which can be told what a persistent id is
    def persistent_id(self, obj: object) -> object:
        return ("storage", torch.FloatStorage, "0", "cpu", obj.numel) if isinstance(obj, Storage) else None


def tensor_of(path: Path, numel: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    """Write a checkpoint whose only tensor claims a size and a stride over its storage of 6 numbers."""
    torch.save({"x": torch.arange(6.0)}, path)
    deed = Deed(torch._utils._rebuild_tensor_v2, Storage(numel), 0, size, stride, False, OrderedDict())
    with (path.parent / "pickle").open("wb") as file:
        Forger(file, protocol=2).dump({"x": deed})
    with_pickle(path, (path.parent / "pickle").read_bytes())


def test_the_forger_can_make_an_honest_file_too(tmp_path: Path) -> None:
    tensor_of(tmp_path / "a.pth", 6, (2, 3), (3, 1))
    with PthFile(tmp_path / "a.pth") as source:
        assert source.read("x").tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(("numel", "size", "stride"), [(6, (1 << 40,), (1,)), (1 << 40, (1 << 40,), (1,))])
def test_a_tensor_larger_than_its_storage_is_refused(
    tmp_path: Path, numel: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    tensor_of(tmp_path / "a.pth", numel, size, stride)
    assert complaint(tmp_path / "a.pth") == "torch cannot load it; download it again"


def test_a_number_repeated_to_a_terabyte_is_refused(tmp_path: Path) -> None:
    tensor_of(tmp_path / "a.pth", 6, (1 << 38,), (0,))
    assert complaint(tmp_path / "a.pth") == (
        "tensor x: 1,099,511,627,776 bytes claimed, 24 held; download it again"
    )


def repacked(path: Path, **changes: object) -> None:
    """Pack a checkpoint anew. compression: of all records; extra: a record to add; order: of the bytes."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    compression = changes.get("compression", zipfile.ZIP_STORED)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in records.items():
            archive.writestr(name, changes.get("order", data) if name.endswith("byteorder") else data)
        if "extra" in changes:
            archive.writestr(*changes["extra"])


REPACKED = {
    "compressed": (
        {"compression": zipfile.ZIP_DEFLATED},
        "record a/data.pkl is compressed; convert it to safetensors",
    ),
    "a second pickle in other letters": (
        {"extra": ("a/Data.pkl", b"")},
        "the zip directory has a/Data.pkl twice; download it again",
    ),
    "a second pickle elsewhere": (
        {"extra": ("b/data.pkl", b"")},
        "is a zip file, but no state dict of PyTorch; convert it to safetensors",
    ),
    "TorchScript": (
        {"extra": ("a/constants.pkl", b"")},
        "is a zip file, but no state dict of PyTorch; convert it to safetensors",
    ),
    "a long text beside the tensors": (
        {"extra": ("a/note", bytes(5_000_000))},
        "record a/note has 5,000,000 bytes; convert it to safetensors",
    ),
    "big endian": ({"order": b"big"}, "is not little endian; convert it to safetensors"),
}


@pytest.mark.parametrize("case", REPACKED)
def test_a_zip_that_torch_did_not_write_is_refused(tmp_path: Path, case: str) -> None:
    changes, expected = REPACKED[case]
    torch.save(STATE, tmp_path / "a.pth")
    repacked(tmp_path / "a.pth", **changes)
    assert complaint(tmp_path / "a.pth") == expected


NO_STATE = {
    "a list": ([STATE["a.bias"]], "holds no state dict; convert it to safetensors"),
    "an empty dict": ({}, "holds no state dict; convert it to safetensors"),
    "a text among the tensors": (
        {**STATE, "note": "x"},
        "entry note of its state dict is no tensor but str; convert it to safetensors",
    ),
    "names that are numbers": (
        {1: STATE["a.bias"]},
        "entry 1 of its state dict is no tensor but Tensor; convert it to safetensors",
    ),
    "protocol 4": (None, "a pickle of protocol 4, only 2 is read; convert it to safetensors"),
    "half a pickle": (b"\x80\x02}(", "its pickle is damaged; download it again"),
    "an empty stack": (b"\x80\x02.", "torch cannot load it; download it again"),
}


@pytest.mark.parametrize("case", NO_STATE)
def test_what_is_no_state_dict_is_one_line(tmp_path: Path, case: str) -> None:
    content, expected = NO_STATE[case]
    torch.save(STATE if isinstance(content, bytes | None) else content, tmp_path / "a.pth")
    if isinstance(content, bytes | None):
        with_pickle(tmp_path / "a.pth", content or pickle.dumps({}, protocol=4))
    assert complaint(tmp_path / "a.pth") == expected


def test_integers_are_listed_but_not_read(tmp_path: Path) -> None:
    torch.save({**STATE, "steps": torch.tensor(3)}, tmp_path / "a.pth")
    assert complaint(tmp_path / "a.pth") == "tensor steps: type I64 cannot be read; take a float16 file"


@pytest.mark.parametrize("kept", [5, 100, 600, -1])
def test_a_truncated_checkpoint_is_one_line(tmp_path: Path, kept: int) -> None:
    torch.save(STATE, tmp_path / "a.pth")
    (tmp_path / "a.pth").write_bytes((tmp_path / "a.pth").read_bytes()[:kept])
    assert complaint(tmp_path / "a.pth") == (
        "is cut off: the zip directory at its end is missing; download it again"
    )
