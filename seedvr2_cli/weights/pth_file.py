"""PyTorch checkpoints (.pth): a zip of plain records around one pickle, loaded weights-only and mapped.

A pickle can run code, so two checks come before `torch.load(weights_only=True)`: the zip directory must be
plain, so that nothing unpacks to more than the file, and the pickle's opcodes, listed without being run, may
name nothing but tensors and dicts.
"""

import pickle
import pickletools
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.source import (
    AGAIN,
    MAX_TENSORS,
    Format,
    TensorSource,
    TensorSpec,
    check_name,
    check_readable,
    place_for,
    unreadable,
)
from seedvr2_cli.weights.stored import Stored

CONVERT = "convert it to safetensors"

_WRAPPERS = ("state_dict", "ema", "model", "module", "params")  # where converters look; spec/vae.md 5.1
_MAX_DIRECTORY = 16 << 20  # bytes
_MAX_RECORD = 4 << 20  # bytes of a record that holds no tensor; a pickle of 1,128 tensors has 0.2 MB
_END = struct.Struct("<4s4H2IH")  # end of the zip directory; without a comment, as torch writes it
_END_64 = struct.Struct("<4sQ2H2I4Q")  # the same for large files, before a locator of 20 bytes

_STORAGES = "Float Half BFloat16 Double Long Int Short Char Byte Bool"
_ALLOWED = {
    "collections OrderedDict",
    "torch Size",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor_v2",
    *(f"torch {kind}Storage" for kind in _STORAGES.split()),
}
_QUANTS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
# what a damaged zip can make zipfile raise; OSError from seeking to where no file has bytes
_UNZIPPING = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OSError,
    struct.error,
)
# what a damaged pickle can make torch's unpickler raise
_UNPICKLING = (
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    EOFError,
    struct.error,
)


class PthFile(TensorSource):
    """A checkpoint in torch's zip format. Its tensors are views on the mapped file until they are read."""

    format = Format.PTH

    def __init__(self, path: Path) -> None:
        """Raises WeightsError for a damaged file, or one whose pickle asks for more than tensors."""
        self.path = path
        self.metadata: Mapping[str, str] = {}
        self._tensors = _state_dict(path, _load(path))
        self.specs: Mapping[str, TensorSpec] = {
            name: _spec(path, name, tensor) for name, tensor in self._tensors.items()
        }

    def read(self, name: str, out: torch.Tensor | None = None) -> torch.Tensor:
        spec = self.specs[name]
        check_readable(self.path, spec)
        place = place_for(spec) if out is None else out
        place.view(spec.shape).copy_(self._tensors[name])
        return place

    def stored(self, name: str) -> Stored:
        spec = self.specs[name]
        return Stored(self._tensors[name].contiguous().view(-1).view(torch.uint8), spec.quant, spec.shape)

    def close(self) -> None:
        self._tensors.clear()


def read_lone_tensor(path: Path) -> torch.Tensor:
    """The tensor of a file that holds one and nothing else, in its own type. Raises WeightsError."""
    loaded = _load(path)
    if not isinstance(loaded, torch.Tensor):
        raise WeightsError("holds no single tensor", where=path, do=AGAIN)
    spec = _spec(path, path.name, loaded)
    check_readable(path, spec)
    return loaded.clone()


def _load(path: Path) -> object:
    """What is in a file, unpickled weights-only, its tensors mapped."""
    try:
        with warnings.catch_warnings(action="ignore"):  # libraries' remarks on odd files; ours are errors
            _check_records(path)
            _refuse_suffix(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except OSError as error:
        raise unreadable(path, error) from error
    except _UNPICKLING as error:
        raise WeightsError("torch cannot load it", where=path, do=AGAIN) from error


def _check_records(path: Path) -> None:
    """The zip directory is whole and plain, and the pickle in it names only tensors and dicts."""
    file_bytes = path.stat().st_size
    _check_directory(path, file_bytes)
    try:
        with zipfile.ZipFile(path) as archive:
            records = {record.filename: record for record in archive.infolist()}
            _check_sizes(path, archive.infolist(), file_bytes)
            pickles = [archive.read(name) for name in records if name.lower().endswith("/data.pkl")]
            orders = [archive.read(name) for name in records if name.endswith("/byteorder")]
    except _UNZIPPING as error:
        raise WeightsError("its zip directory is damaged", where=path, do=AGAIN) from error
    if len(pickles) != 1 or any(name.endswith("/constants.pkl") for name in records):
        raise WeightsError("is a zip file, but no state dict of PyTorch", where=path, do=CONVERT)
    if any(order != b"little" for order in orders):
        raise WeightsError("is not little endian", where=path, do=CONVERT)
    _check_pickle(path, pickles[0])


def _refuse_suffix(path: Path) -> None:
    """torch.load hands a file of this name to safetensors, whatever it holds."""
    if path.suffix == ".safetensors":
        raise WeightsError("is a PyTorch checkpoint by another name", where=path, do="rename it to .pth")


def _check_directory(path: Path, file_bytes: int) -> None:
    """The directory at the end of the file is there, and small enough to be read."""
    with path.open("rb") as file:
        file.seek(max(0, file_bytes - 20 - _END.size - _END_64.size))
        tail = file.read()
    large, small = tail[: _END_64.size], tail[-_END.size :]
    if len(small) < _END.size or not small.startswith(b"PK\5\6"):
        raise WeightsError("is cut off: the zip directory at its end is missing", where=path, do=AGAIN)
    *_, count, size, _, _ = _END.unpack(small)
    if large.startswith(b"PK\6\6") and len(large) == _END_64.size:
        *_, count, size, _ = _END_64.unpack(large)
    if count > MAX_TENSORS or size > min(_MAX_DIRECTORY, file_bytes):
        raise WeightsError(f"a zip directory of {count:,} files in {size:,} bytes", where=path, do=AGAIN)


def _check_sizes(path: Path, records: list[zipfile.ZipInfo], file_bytes: int) -> None:
    names: set[str] = set()
    for record in records:
        name = record.filename.lower()  # torch looks records up without regard to case
        if name in names:
            raise WeightsError(f"the zip directory has {record.filename} twice", where=path, do=AGAIN)
        names.add(name)
        if record.compress_type != zipfile.ZIP_STORED or record.compress_size != record.file_size:
            raise WeightsError(f"record {record.filename} is compressed", where=path, do=CONVERT)
        if "/data/" not in name and record.file_size > _MAX_RECORD:
            raise WeightsError(
                f"record {record.filename} has {record.file_size:,} bytes", where=path, do=CONVERT
            )
        left = max(0, file_bytes - record.header_offset)
        if record.file_size > left:
            raise WeightsError(
                f"record {record.filename}: {record.file_size:,} bytes claimed, {left:,} left",
                where=path,
                do=AGAIN,
            )


def _check_pickle(path: Path, data: bytes) -> None:
    """List the opcodes, which runs nothing, and refuse all but tensors and dicts."""
    try:
        opcodes = [(opcode.name, argument) for opcode, argument, _ in pickletools.genops(data)]
    except ValueError as error:
        raise WeightsError("its pickle is damaged", where=path, do=AGAIN) from error
    for name, argument in opcodes:
        if name == "PROTO" and argument != 2:
            raise WeightsError(f"a pickle of protocol {argument}, only 2 is read", where=path, do=CONVERT)
        if name in ("GLOBAL", "INST", "STACK_GLOBAL") and argument not in _ALLOWED:
            wanted = str(argument).replace(" ", ".")[:80]
            raise WeightsError(
                f"refused: its pickle asks for {wanted}, so it may run code when opened",
                where=path,
                do="take a .safetensors file instead",
            )


def _state_dict(path: Path, loaded: object) -> dict[str, torch.Tensor]:
    """The named tensors, at the top or one or two wrappers down; other entries of a wrapper do not count."""
    for _ in _WRAPPERS[:2]:
        if isinstance(loaded, dict):
            inner = [loaded[key] for key in _WRAPPERS if isinstance(loaded.get(key), dict)]
            loaded = inner[0] if inner else loaded
    if not isinstance(loaded, dict) or not loaded:
        raise WeightsError("holds no state dict", where=path, do=CONVERT)
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise WeightsError(
                f"entry {str(name)[:80]} of its state dict is no tensor but {type(value).__name__}",
                where=path,
                do=CONVERT,
            )
    return dict(loaded)


def _spec(path: Path, name: str, tensor: torch.Tensor) -> TensorSpec:
    check_name(path, name)
    nbytes = tensor.numel() * tensor.element_size()
    held = tensor.untyped_storage().nbytes()
    # a stride of 0 would let one number grow to any size
    if nbytes > held:
        raise WeightsError(f"tensor {name}: {nbytes:,} bytes claimed, {held:,} held", where=path, do=AGAIN)
    quant = _QUANTS.get(tensor.dtype, str(tensor.dtype))
    return TensorSpec(name, tuple(tensor.shape), quant, nbytes, None)
