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
from seedvr2_cli.weights.quants import BLOCKS

PLAIN = ("F32", "F16", "BF16")
QUANTISABLE = ("Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0")  # gguf dequantises K types but does not make them

_VERSION = 3
_STRING, _ARRAY, _INT32 = 8, 9, 5  # GGUF value types
_ROW = 256  # elements in a row of a flattened tensor
_HEADER_STEP = 8  # bytes; safetensors headers end on a multiple


@dataclass(frozen=True)
class TensorPlan:
    """A tensor to be written. quant: one of PLAIN; in a GGUF also one of QUANTISABLE."""

    name: str
    shape: tuple[int, ...]
    quant: str

    @property
    def nbytes(self) -> int:
        block = BLOCKS[self.quant]
        return math.prod(self.shape) // block.elements * block.nbytes


def quant_for(shape: tuple[int, ...], wanted: str) -> str:
    """The type a tensor gets in a GGUF of the wanted type: vectors F32, what fits no block F16."""
    if len(shape) == 1:
        return "F32"
    return "F16" if wanted in QUANTISABLE and math.prod(shape) % _ROW else wanted


def write_safetensors(
    path: Path,
    plan: Sequence[TensorPlan],
    read: Callable[[str], torch.Tensor],
    metadata: Mapping[str, str],
) -> None:
    """Write the planned tensors, wide types first so that all lie aligned. read: name -> tensor on the CPU.

    Raises OutputError if the file cannot be written, WeightsError for numbers its types cannot hold.
    """
    ordered = sorted(plan, key=lambda tensor: -BLOCKS[tensor.quant].nbytes)
    _write(path, _safetensors_header(ordered, metadata), _data(path, ordered, read))


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
    read: Callable[[str], torch.Tensor],
    metadata: Mapping[str, str],
    architecture: str = "seedvr2_vae",
) -> None:
    """Write a GGUF, version 3. Kernels keep their five dimensions in F32, F16 and BF16.

    Quantised tensors whose rows are no multiple of 256 become rows of 256, with ComfyUI-GGUF's note of their
    shape (spec/vae.md 5.1). Raises as `write_safetensors` does.
    """
    texts = {"general.architecture": architecture, **metadata}
    keys = [_text(key) + struct.pack("<I", _STRING) + _text(value) for key, value in texts.items()]
    infos, end = [], 0
    for tensor in plan:
        shape = _stored_shape(tensor)
        if shape != tensor.shape:
            keys.append(_shape_note(tensor))
        kind = gguf.GGMLQuantizationType[tensor.quant].value
        dims = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        infos.append(_text(tensor.name) + dims + struct.pack("<IQ", kind, end))
        end += tensor.nbytes + -tensor.nbytes % ALIGNMENT
    header = b"".join([MAGIC, struct.pack("<IQQ", _VERSION, len(plan), len(keys)), *keys, *infos])
    header += bytes(-len(header) % ALIGNMENT)
    _write(path, header, _data(path, plan, read), ALIGNMENT)


def _data(
    path: Path, plan: Sequence[TensorPlan], read: Callable[[str], torch.Tensor]
) -> Iterator[np.ndarray]:
    for tensor in plan:
        yield _encode(path, tensor, read(tensor.name).reshape(tensor.shape))


def _encode(path: Path, plan: TensorPlan, tensor: torch.Tensor) -> np.ndarray:
    """A tensor as the bytes the file holds: (nbytes,) uint8."""
    block = BLOCKS[plan.quant]
    flat = tensor.to(block.dtype).contiguous().view(-1)
    if not is_finite(flat):
        raise not_finite(path, plan.name, tensor, block.dtype)
    if plan.quant in PLAIN:
        return flat.view(torch.uint8).numpy()
    rows = flat.view(-1, block.elements).numpy()
    return gguf.quants.quantize(rows, gguf.GGMLQuantizationType[plan.quant]).reshape(-1)


def _write(path: Path, header: bytes, data: Iterator[np.ndarray], alignment: int = 1) -> None:
    try:
        with path.open("wb") as file:
            file.write(header)
            for part in data:
                file.write(part.data)
                file.write(bytes(-part.nbytes % alignment))
    except OSError as error:
        raise output_error(path, error) from error


def _stored_shape(plan: TensorPlan) -> tuple[int, ...]:
    if plan.quant in PLAIN or plan.shape[-1] % _ROW == 0:
        return plan.shape
    return (math.prod(plan.shape) // _ROW, _ROW)


def _shape_note(plan: TensorPlan) -> bytes:
    values = struct.pack(f"<IIQ{len(plan.shape)}i", _ARRAY, _INT32, len(plan.shape), *plan.shape)
    return _text(ORIGINAL_SHAPE + plan.name) + values


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
