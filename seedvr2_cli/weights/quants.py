"""Stored types of tensors, and how their blocks become numbers.

Quantised types keep 32 or 256 elements in a block of a fixed number of bytes. Adding a type is one function
and one row of `BLOCKS`; the tests take it from there. All arithmetic is float32, each product and sum rounded
once in the order written, which gives the values of gguf's own code bit for bit. Source: spec/vae.md 5.3.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_CHUNK = 1 << 17  # elements dequantised at once: at most about 4 MiB of intermediate values
_CHUNK_ELSEWHERE = 1 << 22  # the same on a GPU, which has launches to wait for


@dataclass(frozen=True)
class Block:
    """elements, nbytes: of a block. dequantise: (n, nbytes) uint8 -> n * elements values in any shape.

    dtype: what a tensor of this type is read as where nothing else is asked for.
    """

    elements: int
    nbytes: int
    dequantise: Callable[[Tensor], Tensor]
    dtype: torch.dtype = torch.float32


def decode(raw: Tensor, quant: str, out: Tensor) -> Tensor:
    """Fill out from stored bytes, cast to its type, and return it.

    raw: (bytes,) uint8, little endian, on out's device. out: contiguous, of the tensor's size. Takes scratch
    of a few MiB, however large the tensor.
    """
    block = BLOCKS[quant]
    rows = out.numel() // block.elements
    blocks = raw.view(rows, block.nbytes)
    flat = out.view(rows, block.elements)
    step = (_CHUNK if raw.device.type == "cpu" else _CHUNK_ELSEWHERE) // block.elements
    for at in range(0, rows, step):
        part = blocks[at : at + step].clone()  # aligned, wherever in the file it lies
        flat[at : at + step] = block.dequantise(part).view(-1, block.elements)
    return out


def mapped(data: np.ndarray) -> Tensor:
    """A mapped array's bytes as a tensor, (bytes,) uint8. The array must be one that writing would copy
    (mode "c"): torch holds no read-only memory. Nothing here writes."""
    return torch.from_numpy(data.reshape(-1).view(np.uint8))


def _stored_as(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda blocks: blocks.view(dtype)


def _q4_0(b: Tensor) -> Tensor:
    return (_nibbles(b[:, 2:]) - 8) * _half(b, 0)


def _q4_1(b: Tensor) -> Tensor:
    return _half(b, 0) * _nibbles(b[:, 4:]) + _half(b, 2)


def _q5_0(b: Tensor) -> Tensor:
    return (_nibbles(b[:, 6:]) + 16 * _bits(b[:, 2:6]) - 16) * _half(b, 0)


def _q5_1(b: Tensor) -> Tensor:
    return _half(b, 0) * (_nibbles(b[:, 8:]) + 16 * _bits(b[:, 4:8])) + _half(b, 2)


def _q8_0(b: Tensor) -> Tensor:
    return b[:, 2:].view(torch.int8).float() * _half(b, 0)


def _q2_k(b: Tensor) -> Tensor:
    scales = b[:, :16]
    q = _pairs(b[:, 16:80]).view(-1, 16, 16)
    step = _half(b, 80) * (scales & 15).float()
    low = _half(b, 82) * (scales >> 4).float()
    return step[..., None] * q - low[..., None]


def _q3_k(b: Tensor) -> Tensor:
    packed = b[:, 96:108]
    low = torch.cat([packed[:, :8] & 15, packed[:, :8] >> 4], dim=1)
    high = _fields(packed[:, 8:], shifts=(0, 2, 4, 6), mask=3).view(-1, 16)
    scale = (low | high << 4).float() - 32
    q = _pairs(b[:, 32:96]) - 4 * (1 - _planes(b[:, :32]))
    return (_half(b, 108) * scale)[..., None] * q.view(-1, 16, 16)


def _q4_k(b: Tensor) -> Tensor:
    step, low = _scales_and_minima(b)
    return step * _nibble_runs(b[:, 16:]) - low


def _q5_k(b: Tensor) -> Tensor:
    step, low = _scales_and_minima(b)
    return step * (_nibble_runs(b[:, 48:]) + 16 * _planes(b[:, 16:48]).view(-1, 8, 32)) - low


def _q6_k(b: Tensor) -> Tensor:
    low = _fields(b[:, :128].reshape(-1, 64), shifts=(0, 4), mask=15).view(-1, 256).float()
    q = low + 16 * _pairs(b[:, 128:192]) - 32
    step = _half(b, 208) * b[:, 192:208].view(torch.int8).float()
    return step[..., None] * q.view(-1, 16, 16)


def _scales_and_minima(b: Tensor) -> tuple[Tensor, Tensor]:
    """d * scale and dmin * minimum of Q4_K and Q5_K: (n, 8, 1) each, from 16 six-bit numbers in 12 bytes."""
    first, second, third = b[:, 4:8], b[:, 8:12], b[:, 12:16]
    scale = torch.cat([first & 63, (third & 15) | (first >> 6) << 4], dim=1)
    minimum = torch.cat([second & 63, (third >> 4) | (second >> 6) << 4], dim=1)
    return (_half(b, 0) * scale.float())[..., None], (_half(b, 2) * minimum.float())[..., None]


def _half(b: Tensor, at: int) -> Tensor:
    """The float16 at byte `at` of every block: (n, 1) float32."""
    return b[:, at : at + 2].contiguous().view(torch.float16).float()


def _fields(packed: Tensor, *, shifts: tuple[int, ...], mask: int) -> Tensor:
    """Bit fields of (n, bytes): (n, shifts, bytes), those at the first shift of all bytes before the next."""
    return packed[:, None, :] >> torch.tensor(shifts, dtype=torch.uint8)[:, None] & mask


def _nibbles(packed: Tensor) -> Tensor:
    """16 bytes: 32 numbers, the low halves first."""
    return _fields(packed, shifts=(0, 4), mask=15).reshape(-1, 32).float()


def _nibble_runs(packed: Tensor) -> Tensor:
    """128 bytes: 256 numbers as (n, 8, 32); of each 32 bytes the low halves first."""
    return _fields(packed.reshape(-1, 32), shifts=(0, 4), mask=15).view(-1, 8, 32).float()


def _pairs(packed: Tensor) -> Tensor:
    """64 bytes: 256 two-bit numbers; of each 32 bytes the lowest pairs first."""
    return _fields(packed.reshape(-1, 32), shifts=(0, 2, 4, 6), mask=3).view(-1, 256).float()


def _planes(packed: Tensor) -> Tensor:
    """32 bytes: 256 bits, bit 0 of all bytes first."""
    return _fields(packed, shifts=tuple(range(8)), mask=1).view(-1, 256).float()


def _bits(packed: Tensor) -> Tensor:
    """4 bytes, a little-endian word: its 32 bits, lowest first."""
    return (packed[:, :, None] >> torch.arange(8, dtype=torch.uint8) & 1).view(-1, 32).float()


BLOCKS = {
    "F64": Block(1, 8, _stored_as(torch.float64)),
    "F32": Block(1, 4, _stored_as(torch.float32)),
    "F16": Block(1, 2, _stored_as(torch.float16), torch.float16),
    "BF16": Block(1, 2, _stored_as(torch.bfloat16), torch.bfloat16),
    "F8_E4M3": Block(1, 1, _stored_as(torch.float8_e4m3fn)),
    "F8_E5M2": Block(1, 1, _stored_as(torch.float8_e5m2)),
    "Q4_0": Block(32, 18, _q4_0),
    "Q4_1": Block(32, 20, _q4_1),
    "Q5_0": Block(32, 22, _q5_0),
    "Q5_1": Block(32, 24, _q5_1),
    "Q8_0": Block(32, 34, _q8_0),
    "Q2_K": Block(256, 84, _q2_k),
    "Q3_K": Block(256, 110, _q3_k),
    "Q4_K": Block(256, 144, _q4_k),
    "Q5_K": Block(256, 176, _q5_k),
    "Q6_K": Block(256, 210, _q6_k),
}
