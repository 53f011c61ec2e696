"""A bounded walk over a GGUF header, done before any library opens the file.

    magic "GGUF" | version u32 | tensor count u64 | key count u64
    per key:    name | value type u32 | value
    per tensor: name | n u32 | n dimensions u64, fastest first | type u32 | offset u64 into the data
    data, from the next multiple of general.alignment on

Text is a u64 length and UTF-8. Nothing is taken at its word: every length is compared with what is left of
the file before it is used, so a forged file costs neither memory nor time. gguf 0.19.0 alone never returns on
49 bytes that claim an array of 2^63 elements.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import gguf

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.source import (
    AGAIN,
    MAX_DIMENSIONS,
    MAX_TENSORS,
    TensorSpec,
    check_data,
    check_name,
    unreadable,
)

MAGIC = b"GGUF"
ALIGNMENT = 32  # where general.alignment is absent

_MAX_HEADER = 32 << 20  # bytes; the largest SeedVR2 file needs 0.2 MB
_MAX_KEYS = 65_536
_MAX_ELEMENTS = 65_536  # of all arrays together: the library makes an object of each
_MAX_TEXT = 1 << 20  # bytes of a name or of a value that is kept
_MAX_NESTING = 4

_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_INTEGERS = frozenset("BbHhIiQq")
_KEPT_TEXT = ("general.", "seedvr2.")

_Value = str | tuple[int, ...] | None


@dataclass(frozen=True)
class GGUFHeader:
    """strings: the values of `general.*` and `seedvr2.*`. integers: scalars (as one-tuples) and short arrays.

    tensors: in file order, shapes in torch's order as stored, offsets counted from the start of the file.
    """

    strings: dict[str, str]
    integers: dict[str, tuple[int, ...]]
    tensors: tuple[TensorSpec, ...]


def read_header(path: Path) -> GGUFHeader:
    """Walk the header of a file that begins with GGUF. Raises WeightsError."""
    try:
        with path.open("rb") as file:
            return _walk(_Cursor(path, file))
    except OSError as error:
        raise unreadable(path, error) from error


class _Cursor:
    """A place in the file that never moves past its end."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size = file.seek(0, 2)
        self.at = file.seek(0)
        self.elements = 0

    def error(self, what: str, do: str = AGAIN) -> WeightsError:
        return WeightsError(what, where=self.path, do=do)

    def need(self, count: int, what: str) -> None:
        left = self.size - self.at
        if count > left:
            raise self.error(f"{what}: {count:,} bytes claimed, {left:,} left")
        if self.at + count > _MAX_HEADER:
            raise self.error(f"{what}: the header is longer than {_MAX_HEADER:,} bytes")

    def take(self, count: int, what: str) -> bytes:
        self.need(count, what)
        self.at += count
        data = self.file.read(count)
        if len(data) < count:
            raise self.error(f"{what}: the file became shorter while it was read", do="try again")
        return data

    def skip(self, count: int, what: str) -> None:
        self.need(count, what)
        self.at = self.file.seek(self.at + count)

    def number(self, code: str, what: str) -> int:
        (value,) = struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}"), what))
        return value

    def text(self, what: str) -> str:
        length = self.number("Q", what)
        if length > _MAX_TEXT:
            raise self.error(f"{what}: a text of {length:,} bytes")
        try:
            return self.take(length, what).decode("utf-8")
        except UnicodeDecodeError:
            raise self.error(f"{what}: not UTF-8") from None


def _walk(cursor: _Cursor) -> GGUFHeader:
    tensor_count, key_count = _counts(cursor)
    strings: dict[str, str] = {}
    integers: dict[str, tuple[int, ...]] = {}
    seen: set[str] = set()
    for index in range(key_count):
        key = cursor.text(f"the name of key {index + 1}")
        check_name(cursor.path, key)
        if key in seen:
            raise cursor.error(f"key {key} is there twice")
        seen.add(key)
        value = _value(cursor, key, cursor.number("I", f"key {key}"))
        if isinstance(value, str):
            strings[key] = value
        elif value is not None:
            integers[key] = value
    found = [_tensor(cursor, index) for index in range(tensor_count)]
    return GGUFHeader(strings, integers, _placed(cursor, found, integers))


def _counts(cursor: _Cursor) -> tuple[int, int]:
    magic, version = cursor.take(4, "the magic"), cursor.number("I", "the version")
    if magic != MAGIC:
        raise cursor.error(f"not a GGUF file: begins with {magic!r}")
    if version & 0xFFFF == 0:
        raise cursor.error("a big-endian GGUF file", do="convert it on a little-endian machine")
    if version not in (2, 3):
        raise cursor.error(f"GGUF version {version}, versions 2 and 3 can be read", do="convert it again")
    tensors, keys = cursor.number("Q", "the tensor count"), cursor.number("Q", "the key count")
    if tensors > MAX_TENSORS or keys > _MAX_KEYS:
        raise cursor.error(
            f"{tensors:,} tensors and {keys:,} keys claimed, at most {MAX_TENSORS:,} each are read"
        )
    return tensors, keys


def _value(cursor: _Cursor, key: str, kind: int, nesting: int = 0) -> _Value:
    """Step over a value; return it if it is of use, else None."""
    what = f"key {key}"
    if kind == _STRING and key.startswith(_KEPT_TEXT) and not nesting:
        return cursor.text(what)
    if kind == _STRING:
        cursor.skip(cursor.number("Q", what), what)
        return None
    if kind == _ARRAY:
        return _array(cursor, key, nesting + 1)
    if kind not in _SCALARS:
        raise cursor.error(f"{what}: unknown value type {kind}")
    value = cursor.number(_SCALARS[kind], what)
    return (value,) if _SCALARS[kind] in _INTEGERS else None


def _array(cursor: _Cursor, key: str, nesting: int) -> tuple[int, ...] | None:
    what = f"key {key}"
    kind, count = cursor.number("I", what), cursor.number("Q", what)
    code = _SCALARS.get(kind)
    if code is None and kind not in (_STRING, _ARRAY):
        raise cursor.error(f"{what}: unknown value type {kind}")
    if nesting > _MAX_NESTING:
        raise cursor.error(f"{what}: arrays nested deeper than {_MAX_NESTING}")
    # an inner array is at least its own type and count, a text its length
    cursor.need(count * (struct.calcsize(f"<{code}") if code else 12 if kind == _ARRAY else 8), what)
    cursor.elements += count
    if cursor.elements > _MAX_ELEMENTS:
        raise cursor.error(
            f"{what}: {cursor.elements:,} array elements so far, at most {_MAX_ELEMENTS:,} are read",
            do="is it a language model?",
        )
    if code is None:
        for _ in range(count):
            _value(cursor, key, kind, nesting)
        return None
    data = cursor.take(count * struct.calcsize(f"<{code}"), what)
    return struct.unpack(f"<{count}{code}", data) if code in _INTEGERS and count <= MAX_DIMENSIONS else None


def _tensor(cursor: _Cursor, index: int) -> TensorSpec:
    """One tensor info; its offset is still counted from the start of the data."""
    name = cursor.text(f"the name of tensor {index + 1}")
    check_name(cursor.path, name)
    what = f"tensor {name}"
    rank = cursor.number("I", what)
    if not 1 <= rank <= MAX_DIMENSIONS:
        raise cursor.error(f"{what}: {rank:,} dimensions, 1 to {MAX_DIMENSIONS} can be read")
    dims = struct.unpack(f"<{rank}Q", cursor.take(8 * rank, what))
    type_id, offset = cursor.number("I", what), cursor.number("Q", what)
    try:
        quant = gguf.GGMLQuantizationType(type_id)
        elements, block_bytes = gguf.GGML_QUANT_SIZES[quant]
    except (ValueError, KeyError):
        raise cursor.error(f"{what}: unknown type {type_id}", do="take a float16 file") from None
    if 0 in dims or dims[0] % elements:
        raise cursor.error(
            f"{what}: shape {dims[::-1]} does not divide into {quant.name} blocks of {elements:,}"
        )
    nbytes = math.prod(dims) // elements * block_bytes
    return TensorSpec(name, dims[::-1], quant.name, nbytes, offset)


def _placed(
    cursor: _Cursor, found: list[TensorSpec], integers: dict[str, tuple[int, ...]]
) -> tuple[TensorSpec, ...]:
    """Check names and places; count offsets from the start of the file."""
    (alignment, *_) = integers.get("general.alignment") or (ALIGNMENT,)
    if not 8 <= alignment <= 65_536 or alignment & (alignment - 1):
        raise cursor.error(f"general.alignment is {alignment:,}, no power of two from 8 to 65,536")
    start = -(-cursor.at // alignment) * alignment
    placed: dict[str, TensorSpec] = {}
    for spec in found:
        offset = spec.offset or 0
        if spec.name in placed:
            raise cursor.error(f"tensor {spec.name} is there twice")
        if offset % alignment:
            raise cursor.error(f"tensor {spec.name}: offset {offset:,} is no multiple of {alignment}")
        placed[spec.name] = TensorSpec(spec.name, spec.shape, spec.quant, spec.nbytes, start + offset)
    check_data(cursor.path, placed.values(), cursor.size)
    return tuple(placed.values())
