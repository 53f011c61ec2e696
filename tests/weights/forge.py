"""Weight files byte by byte, for the cases that no writer would make, and modules to load into."""

import json
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.write import TensorPlan, write_gguf, write_safetensors

U8, I32, U32, F32, STRING, ARRAY, U64 = 0, 5, 4, 6, 8, 9, 10  # GGUF value types
TYPE_F32, TYPE_F16, TYPE_Q8_0 = 0, 1, 8  # GGUF tensor types


def gguf_text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def gguf_key(name: str | bytes, kind: int, value: bytes) -> bytes:
    return gguf_text(name) + struct.pack("<I", kind) + value


def gguf_array(kind: int, count: int, values: bytes = b"") -> bytes:
    return struct.pack("<IQ", kind, count) + values


def gguf_tensor(name: str | bytes, dims: Sequence[int], kind: int = TYPE_F32, offset: int = 0) -> bytes:
    """dims: as in the file, fastest first."""
    return gguf_text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def gguf_bytes(
    tensors: Iterable[bytes] = (),
    keys: Iterable[bytes] = (),
    data: bytes = b"",
    version: int = 3,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """A GGUF of the parts given. counts: of tensors and keys, where they are to lie."""
    tensors, keys = list(tensors), list(keys)
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(keys))))
    head += b"".join(keys) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def safetensors_bytes(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """header: JSON text or what becomes it. length: of the header, where it is to lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: str, shape: Sequence[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def with_pickle(path: Path, pickled: bytes) -> None:
    """Put another pickle into a checkpoint of torch.save, checksums and all."""
    with zipfile.ZipFile(path) as archive:
        records = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in records:
            archive.writestr(name, pickled if name.endswith("/data.pkl") else data)


def save(path: Path, tensors: Mapping[str, torch.Tensor], quants: Mapping[str, str] | None = None) -> Path:
    """A whole file by its suffix: .gguf, .safetensors or .pth. quants: types other than F32."""
    plan = [TensorPlan(name, tuple(t.shape), (quants or {}).get(name, "F32")) for name, t in tensors.items()]
    if path.suffix == ".pth":
        torch.save(dict(tensors), path)
    else:
        write = write_gguf if path.suffix == ".gguf" else write_safetensors
        write(path, plan, tensors.__getitem__, {})
    return path


def meta_module(shapes: Mapping[str, Sequence[int]]) -> torch.nn.Module:
    """A module on the meta device with parameters of these names and shapes."""
    root = torch.nn.Module()
    for name, shape in shapes.items():
        *owners, leaf = name.split(".")
        module = root
        for owner in owners:
            if owner not in dict(module.named_children()):
                module.add_module(owner, torch.nn.Module())
            module = module.get_submodule(owner)
        module.register_parameter(leaf, torch.nn.Parameter(torch.empty(tuple(shape), device="meta")))
    return root


def complaint(path: Path) -> str:
    """What opening the file and reading all of it says, without the path; empty where it has no complaint."""
    try:
        with open_weights(path) as source:
            for name in source.specs:
                source.read(name)
    except WeightsError as error:
        return str(error).removeprefix(f"{path}: ")
    return ""
