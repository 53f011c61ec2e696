"""What every weight file is to the rest of the program: named tensors, read one at a time."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.quants import BLOCKS
from seedvr2_cli.weights.stored import Stored

AGAIN = "download it again"
MAX_TENSORS = 65_536  # the largest SeedVR2 file, the 7B transformer, has 1,130 (spec/dit.md 1.2)
MAX_NAME = 512  # characters; the longest published name has 58
MAX_DIMENSIONS = 8


class Format(StrEnum):
    GGUF = "GGUF"
    SAFETENSORS = "safetensors"
    PTH = "pth"


_SUFFIXES = {
    ".gguf": Format.GGUF,
    ".safetensors": Format.SAFETENSORS,
    ".sft": Format.SAFETENSORS,
    ".pth": Format.PTH,
    ".pt": Format.PTH,
    ".ckpt": Format.PTH,
    ".bin": Format.PTH,
}


@dataclass(frozen=True)
class TensorSpec:
    """One tensor as its file stores it.

    shape: torch's order, slowest dimension first. quant: "F32", "F16", "BF16", "Q8_0", "F8_E4M3", "I64" ...
    nbytes: as stored. offset: of its first byte in the file; None where the format does not tell (pth).
    """

    name: str
    shape: tuple[int, ...]
    quant: str
    nbytes: int
    offset: int | None

    @property
    def numel(self) -> int:
        return math.prod(self.shape)


class TensorSource(Protocol):
    """An open weight file. Who opens it closes it, best by `with`.

    specs: in file order. metadata: the text entries beside the tensors.
    """

    path: Path
    format: Format
    specs: Mapping[str, TensorSpec]
    metadata: Mapping[str, str]

    def read(self, name: str, out: torch.Tensor | None = None) -> torch.Tensor:
        """The tensor on the CPU, in memory that the caller owns.

        out: contiguous, of the spec's size, in any float type and shape; it is filled and returned. Without
        it the tensor has the spec's shape, and F32, F16 and BF16 come in their own type, float8, F64 and
        quantised blocks as float32. Takes a few MiB beside the result. Raises WeightsError for types that
        hold no weights (integers) or that no code here dequantises.
        """
        ...

    def stored(self, name: str) -> Stored:
        """The tensor's bytes as they lie in the mapped file: nothing is read before they are used.

        They stay valid after `close`. Types that hold no weights are given too.
        """
        ...

    def close(self) -> None:
        """Give the file back; tensors read before stay valid."""
        ...

    @property
    def misnamed(self) -> bool:
        """True where the suffix promises another format than the content is."""
        return _SUFFIXES.get(self.path.suffix.lower(), self.format) != self.format

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Summary:
    """What a file holds, in numbers. quants: types of its matrices and kernels, most bytes first."""

    tensors: int
    parameters: int
    nbytes: int
    quants: tuple[str, ...]


def summarise(specs: Iterable[TensorSpec]) -> Summary:
    """Count tensors, parameters and stored bytes; vectors do not count among the types unless all are."""
    every = tuple(specs)
    matrices = [s for s in every if len(s.shape) > 1 or s.quant.startswith("Q")] or every
    by_quant: dict[str, int] = {}
    for spec in matrices:
        by_quant[spec.quant] = by_quant.get(spec.quant, 0) + spec.nbytes
    return Summary(
        tensors=len(every),
        parameters=sum(s.numel for s in every),
        nbytes=sum(s.nbytes for s in every),
        quants=tuple(sorted(by_quant, key=lambda quant: (-by_quant[quant], quant))),
    )


def check_name(path: Path, name: str) -> None:
    """Raise WeightsError for a name of a tensor or key that is no plain text of a sensible length."""
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise WeightsError(
            f"a tensor or key has the name {name[:40]!a} (length {len(name):,})", where=path, do=AGAIN
        )


def check_data(path: Path, specs: Iterable[TensorSpec], file_bytes: int) -> None:
    """Raise WeightsError, naming the tensor, unless all data lies inside the file and apart.

    Of several tensors without data the first in the file is named. Every spec has an offset.
    """
    end, before = 0, ""
    for spec in sorted(specs, key=lambda s: (s.offset or 0, s.nbytes)):
        begin = spec.offset or 0
        if begin + spec.nbytes > file_bytes:
            left = max(0, file_bytes - begin)
            raise WeightsError(
                f"tensor {spec.name}: {spec.nbytes:,} bytes claimed, {left:,} left", where=path, do=AGAIN
            )
        if begin < end:
            raise WeightsError(
                f"tensor {spec.name} overlaps {before} by {end - begin:,} bytes", where=path, do=AGAIN
            )
        end, before = begin + spec.nbytes, spec.name


def place_for(spec: TensorSpec) -> torch.Tensor:
    """Memory for a tensor in the type it is read as."""
    return torch.empty(spec.shape, dtype=BLOCKS[spec.quant].dtype)


def check_readable(path: Path, spec: TensorSpec) -> None:
    """Raise WeightsError for a type that is not in `BLOCKS`: integers, and blocks with no code here."""
    if spec.quant not in BLOCKS:
        raise WeightsError(
            f"tensor {spec.name}: type {spec.quant} cannot be read", where=path, do="take a float16 file"
        )


def unreadable(path: Path, error: OSError) -> WeightsError:
    """An OSError met while reading path, in our words."""
    return WeightsError(
        f"cannot be read ({error.strerror or error})", where=path, do="check that you may read it"
    )
