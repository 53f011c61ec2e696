"""safetensors files: a JSON header, then plain tensors end to end; read through a memory map.

    header length u64 | header | data
    header: JSON, {"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {text: text}}

The header is read by our own bounded parse: nothing in it is believed before it was compared with the file.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.quants import decode, mapped
from seedvr2_cli.weights.source import (
    AGAIN,
    MAX_DIMENSIONS,
    MAX_TENSORS,
    Format,
    TensorSource,
    TensorSpec,
    check_data,
    check_name,
    check_readable,
    place_for,
    unreadable,
)
from seedvr2_cli.weights.stored import Stored

# the format allows 100 MB, which as JSON can grow to gigabytes of objects; the largest SeedVR2 file has 0.2
MAX_HEADER = 16 << 20

_ELEMENT_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
_LENGTH = 8  # bytes of the header length
_FIELDS = {"dtype", "shape", "data_offsets"}


class SafetensorsFile(TensorSource):
    """A safetensors file, mapped read-only."""

    format = Format.SAFETENSORS

    def __init__(self, path: Path) -> None:
        """Raises WeightsError for a damaged or truncated file."""
        self.path = path
        try:
            with path.open("rb") as file:
                file_bytes = file.seek(0, 2)
                file.seek(0)
                start = _LENGTH + _header_bytes(path, file.read(_LENGTH), file_bytes)
                entries = _parse(path, file.read(start - _LENGTH))
            self.metadata: Mapping[str, str] = _metadata(path, entries)
            specs = [_spec(path, name, entry, start) for name, entry in entries.items()]
            specs.sort(key=lambda spec: (spec.offset or 0, spec.nbytes))
            _check_whole(path, specs, start, file_bytes)
            self.specs: Mapping[str, TensorSpec] = {spec.name: spec for spec in specs}
            self._mapped: torch.Tensor | None = mapped(np.memmap(path, mode="c"))
        except OSError as error:
            raise unreadable(path, error) from error

    def read(self, name: str, out: torch.Tensor | None = None) -> torch.Tensor:
        spec = self.specs[name]
        check_readable(self.path, spec)
        return decode(self.stored(name).raw, spec.quant, place_for(spec) if out is None else out)

    def stored(self, name: str) -> Stored:
        spec = self.specs[name]
        if self._mapped is None or spec.offset is None:
            raise ValueError(f"{self.path} is closed")
        return Stored(self._mapped[spec.offset : spec.offset + spec.nbytes], spec.quant, spec.shape)

    def close(self) -> None:
        self._mapped = None


def _header_bytes(path: Path, prefix: bytes, file_bytes: int) -> int:
    length = int.from_bytes(prefix, "little")
    left = file_bytes - _LENGTH
    if length > left:
        raise WeightsError(f"a header of {length:,} bytes claimed, {left:,} left", where=path, do=AGAIN)
    if length > MAX_HEADER:
        raise WeightsError(
            f"a header of {length:,} bytes claimed, at most {MAX_HEADER:,} are read", where=path, do=AGAIN
        )
    return length


def _parse(path: Path, text: bytes) -> dict[str, object]:
    """The header as a dict of its entries, names checked and unique."""
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except _TwiceError as error:
        raise WeightsError(f"the header has {error} twice", where=path, do=AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise WeightsError("the header is no JSON object", where=path, do=AGAIN) from error
    if not isinstance(header, dict):
        raise WeightsError("the header is no JSON object", where=path, do=AGAIN)
    if len(header) > MAX_TENSORS:
        raise WeightsError(f"{len(header):,} tensors, at most {MAX_TENSORS:,} are read", where=path, do=AGAIN)
    for name in header:
        check_name(path, name)
    return header


class _TwiceError(Exception):
    """A name that a JSON object has twice."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(name[:80])
        found[name] = value
    return found


def _metadata(path: Path, entries: dict[str, object]) -> dict[str, str]:
    """Take `__metadata__` out of the entries."""
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise WeightsError("__metadata__ is no object of texts", where=path, do=AGAIN)
    return metadata


def _spec(path: Path, name: str, entry: object, start: int) -> TensorSpec:
    """One entry, checked as far as it goes without the file. start: where the data begins."""
    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise WeightsError(
            f"tensor {name}: its entry has not dtype, shape and data_offsets", where=path, do=AGAIN
        )
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _ELEMENT_BYTES:
        raise WeightsError(
            f"tensor {name}: unknown type {str(dtype)[:20]}", where=path, do="take a float16 file"
        )
    if not _counts(shape) or len(shape) > MAX_DIMENSIONS or math.prod(max(n, 1) for n in shape) >= 1 << 63:
        raise WeightsError(f"tensor {name}: its shape is no list of up to 8 sizes", where=path, do=AGAIN)
    if not _counts(offsets) or len(offsets) != 2:
        raise WeightsError(f"tensor {name}: data_offsets are no two positions", where=path, do=AGAIN)
    begin, end = offsets
    nbytes = math.prod(shape) * _ELEMENT_BYTES[dtype]
    if end - begin != nbytes:
        raise WeightsError(
            f"tensor {name}: {dtype} of shape {tuple(shape)} takes {nbytes:,} bytes, {end - begin:,} claimed",
            where=path,
            do=AGAIN,
        )
    return TensorSpec(name, tuple(shape), dtype, nbytes, start + begin)


def _counts(values: object) -> bool:
    """True for a list of plain numbers that a file offset could be."""
    return isinstance(values, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in values)


def _check_whole(path: Path, specs: list[TensorSpec], start: int, file_bytes: int) -> None:
    """Tensors lie end to end and fill the file. specs: in order of their data."""
    check_data(path, specs, file_bytes)
    held = sum(spec.nbytes for spec in specs)
    if start + held != file_bytes:
        raise WeightsError(f"{file_bytes - start - held:,} bytes belong to no tensor", where=path, do=AGAIN)
