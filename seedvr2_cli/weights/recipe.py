"""Random weights that anyone can make again, for tests and benches without the published ones.

Every tensor stands alone: its name and a seed give a PCG64 stream, the sum of the four 16-bit fields of each
number is about normal, and float32 arithmetic in a fixed order scales it so that layer outputs stay near 1.
Source, with checksums: fixtures/vae/README.md, "Weight recipe".
"""

import hashlib
import math
from collections.abc import Iterator, Mapping

import numpy as np

Shape = tuple[int, ...]

_FIELDS = (0, 16, 32, 48)  # first bits of the 16-bit fields
_MEAN = 131_070  # of the sum of four fields
_DEVIATION = 37_837  # its standard deviation
_CHUNK = 1 << 20  # numbers drawn at once; the stream does not depend on it


def recipe_tensors(
    shapes: Mapping[str, Shape], seed: int, mul: Mapping[str, float] | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, float32 array) for every name, one at a time. mul: factors for some of them."""
    for name, shape in shapes.items():
        yield name, recipe_tensor(name, shape, seed, (mul or {}).get(name, 1.0))


def recipe_tensor(name: str, shape: Shape, seed: int, mul: float = 1.0) -> np.ndarray:
    """The weights of one tensor of the state dict: float32, in the shape given."""
    x = recipe_noise(name, shape, seed)
    x *= np.float32(_scale(name, shape))
    if _is_norm(name) and name.endswith(".weight"):
        x += np.float32(1)
    if mul != 1.0:
        x *= np.float32(mul)
    return x


def recipe_dit_tensor(name: str, shape: Shape, seed: int) -> np.ndarray:
    """The same for a tensor of the transformer. Source, with checksums: fixtures/dit/README.md."""
    x = recipe_noise(name, shape, seed)
    leaf = name.rpartition(".")[2]
    if len(shape) == 2:
        x *= np.float32(1 / math.sqrt(shape[1]))
    elif leaf.endswith("_gate"):
        x *= np.float32(0.5)
    else:
        x *= np.float32(0.1)
    if ".norm_q." in name or ".norm_k." in name:
        x += np.float32(1.5)
    elif len(shape) == 1 and not leaf.endswith(("bias", "_shift", "_gate")):
        x += np.float32(1)
    return x


def recipe_noise(name: str, shape: Shape, seed: int) -> np.ndarray:
    """float32 in the shape given, mean 0, variance 1, at most 3.46 in size."""
    count = math.prod(shape)
    digest = hashlib.sha256(f"{seed}:{name}".encode("ascii")).digest()
    stream = np.random.PCG64(int.from_bytes(digest[:16], "little"))
    out = np.empty(count, np.float32)
    for at in range(0, count, _CHUNK):
        raw = stream.random_raw(min(_CHUNK, count - at))
        total = sum(((raw >> np.uint64(bit)) & np.uint64(0xFFFF)).astype(np.int32) for bit in _FIELDS)
        out[at : at + len(raw)] = total - np.int32(_MEAN)
    out *= np.float32(1 / _DEVIATION)
    return out.reshape(shape)


def _scale(name: str, shape: Shape) -> float:
    if name.endswith(".bias"):
        return 0.1 if _is_norm(name) else 0.05
    if _is_norm(name):
        return 0.1
    gain = 1.5 if ".to_q." in name or ".to_k." in name else 0.5 if name == "decoder.conv_out.weight" else 1.0
    return gain / math.sqrt(math.prod(shape[1:]))


def _is_norm(name: str) -> bool:
    """True where the module's own name, the part before `.weight`, has `norm` in it."""
    return "norm" in name.split(".")[-2]
