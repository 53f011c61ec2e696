"""Writers for safetensors and GGUF that hold one tensor in memory at a time.

Both write the header first, from the plan alone, then read, cast and append tensor after tensor.
"""

import json
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch

from seedvr2_cli.base.files import output_error
from seedvr2_cli.weights.finite import is_finite, not_finite
from seedvr2_cli.weights.gguf_file import ORIGINAL_SHAPE
from seedvr2_cli.weights.gguf_header import ALIGNMENT, MAGIC
from seedvr2_cli.weights.quantise import ENCODERS, quantise
from seedvr2_cli.weights.quants import BLOCKS

PLAIN = ("F32", "F16", "BF16")
QUANTISABLE = tuple(ENCODERS)

_VERSION = 3
_STRING, _ARRAY, _INT32 = 8, 9, 5  # GGUF value types
ROW = 256  # elements in a row of a flattened tensor
_READABLE = 4  # dimensions that ggml's own tools read
_BYTES = ("F8_E4M3", "U8")  # types of one byte, which are written as they come
_HEADER_STEP = 8  # bytes; safetensors headers end on a multiple


@dataclass(frozen=True)
class TensorPlan:
    """A tensor to be written. quant: one of PLAIN; in a GGUF also one of QUANTISABLE, in safetensors also
    F8_E4M3 and U8. A tensor of one of these two types is taken for the file's bytes as they are."""

    name: str
    shape: tuple[int, ...]
    quant: str

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        if self.quant in _BYTES:
            return self.numel
        block = BLOCKS[self.quant]
        return self.numel // block.elements * block.nbytes


Read = Callable[[str], torch.Tensor]
Watch = Callable[[TensorPlan, torch.Tensor, np.ndarray], None]


def quant_for(shape: tuple[int, ...], wanted: str) -> str:
    """The type a tensor gets in a GGUF of the wanted type: vectors F32, what fits no block F16."""
    if len(shape) == 1:
        return "F32"
    return "F16" if wanted in QUANTISABLE and math.prod(shape) % ROW else wanted


def write_safetensors(
    path: Path,
    plan: Sequence[TensorPlan],
    read: Read,
    metadata: Mapping[str, str],
    watch: Watch | None = None,
) -> None:
    """Write the planned tensors, wide types first so that all lie aligned. read: name -> tensor on the CPU.

    Raises OutputError if the file cannot be written, WeightsError for numbers its types cannot hold.
    """
    ordered = sorted(plan, key=lambda tensor: -(1 if tensor.quant in _BYTES else BLOCKS[tensor.quant].nbytes))
    _write(path, _safetensors_header(ordered, metadata), _data(path, ordered, read, watch))


def write_safetensors_parts(
    path: Path, plan: TensorPlan, parts: Iterable[torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write one tensor that comes in parts, row by row and in its own type. Raises OutputError."""
    _write(path, _safetensors_header([plan], metadata), (part.view(torch.uint8).numpy() for part in parts))


def _safetensors_header(ordered: Sequence[TensorPlan], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for tensor in ordered:
        begin, end = end, end + tensor.nbytes
        entries[tensor.name] = {"dtype": tensor.quant, "shape": tensor.shape, "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % _HEADER_STEP)
    return struct.pack("<Q", len(header)) + header


def write_gguf(
    path: Path,
    plan: Sequence[TensorPlan],
    read: Read,
    metadata: Mapping[str, str],
    *,
    architecture: str = "seedvr2_vae",
    flatten: bool = False,
    watch: Watch | None = None,
) -> None:
    """Write a GGUF, version 3. Kernels keep their five dimensions in F32, F16 and BF16, unless flatten.

    What is flattened, and quantised tensors whose rows are no multiple of 256, become rows of 256 (or one for
    each output, where these do not fit) with ComfyUI-GGUF's note of their shape (spec/vae.md 5.1). watch: is
    given every tensor as it was read, and its bytes. Raises as `write_safetensors` does.
    """
    texts = {"general.architecture": architecture, **metadata}
    keys = [_text(key) + struct.pack("<I", _STRING) + _text(value) for key, value in texts.items()]
    infos, end = [], 0
    for tensor in plan:
        shape = _stored_shape(tensor, flatten=flatten)
        if shape != tensor.shape:
            keys.append(_shape_note(tensor))
        kind = gguf.GGMLQuantizationType[tensor.quant].value
        dims = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        infos.append(_text(tensor.name) + dims + struct.pack("<IQ", kind, end))
        end += tensor.nbytes + -tensor.nbytes % ALIGNMENT
    header = b"".join([MAGIC, struct.pack("<IQQ", _VERSION, len(plan), len(keys)), *keys, *infos])
    header += bytes(-len(header) % ALIGNMENT)
    _write(path, header, _data(path, plan, read, watch), ALIGNMENT)


def encoded(path: Path, plan: TensorPlan, tensor: torch.Tensor, watch: Watch | None) -> np.ndarray:
    """A tensor as the bytes the file holds: (nbytes,) uint8. Raises WeightsError."""
    data = _encode(path, plan, tensor)
    if watch is not None:
        watch(plan, tensor, data)
    return data


def _data(path: Path, plan: Sequence[TensorPlan], read: Read, watch: Watch | None) -> Iterator[np.ndarray]:
    for tensor in plan:
        yield encoded(path, tensor, read(tensor.name), watch)


def _encode(path: Path, plan: TensorPlan, tensor: torch.Tensor) -> np.ndarray:
    if tensor.dtype in (torch.uint8, torch.float8_e4m3fn):
        return tensor.contiguous().view(-1).view(torch.uint8).numpy()
    dtype = BLOCKS[plan.quant].dtype
    flat = tensor.to(dtype).contiguous().view(-1)
    if not is_finite(flat):
        raise not_finite(path, plan.name, tensor, dtype, do="take --type BF16 or F32")
    return flat.view(torch.uint8).numpy() if plan.quant in PLAIN else quantise(flat, plan.quant)


def _write(path: Path, header: bytes, data: Iterator[np.ndarray], alignment: int = 1) -> None:
    try:
        with path.open("wb") as file:
            file.write(header)
            for part in data:
                file.write(part.data)
                file.write(bytes(-part.nbytes % alignment))
    except OSError as error:
        raise output_error(path, error) from error


def _stored_shape(plan: TensorPlan, *, flatten: bool) -> tuple[int, ...]:
    plain = plan.quant in PLAIN
    if (plain and not (flatten and len(plan.shape) > _READABLE)) or (not plain and plan.shape[-1] % ROW == 0):
        return plan.shape
    return (plan.numel // ROW, ROW) if plan.numel % ROW == 0 else (plan.shape[0], plan.numel // plan.shape[0])


def _shape_note(plan: TensorPlan) -> bytes:
    values = struct.pack(f"<IIQ{len(plan.shape)}i", _ARRAY, _INT32, len(plan.shape), *plan.shape)
    return _text(ORIGINAL_SHAPE + plan.name) + values


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
