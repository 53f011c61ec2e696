"""GGUF files: quantised or plain tensors behind a key/value header, mapped by gguf's own reader."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.gguf_header import GGUFHeader, read_header
from seedvr2_cli.weights.quants import decode, mapped
from seedvr2_cli.weights.source import AGAIN, Format, TensorSource, TensorSpec, check_readable, place_for
from seedvr2_cli.weights.stored import Stored

ORIGINAL_SHAPE = "comfy.gguf.orig_shape."  # ComfyUI-GGUF's key for tensors it flattened; spec/vae.md 5.1


class GGUFFile(TensorSource):
    """A GGUF file whose header our own walk has accepted before gguf opens it."""

    format = Format.GGUF

    def __init__(self, path: Path) -> None:
        """Raises WeightsError for a damaged, truncated or split file."""
        header = read_header(path)
        _refuse_split(path, header)
        self.path = path
        self.specs: Mapping[str, TensorSpec] = {
            s.name: _with_original_shape(path, s, header) for s in header.tensors
        }
        self.metadata: Mapping[str, str] = header.strings
        try:
            reader = gguf.GGUFReader(path, "c")
        except (ValueError, LookupError, TypeError, ArithmeticError, OSError) as error:
            raise WeightsError(f"gguf cannot open it ({error})", where=path, do=AGAIN) from error
        self._mapped = {tensor.name: tensor.data for tensor in reader.tensors}

    def read(self, name: str, out: torch.Tensor | None = None) -> torch.Tensor:
        spec = self.specs[name]
        check_readable(self.path, spec)
        return decode(self.stored(name).raw, spec.quant, place_for(spec) if out is None else out)

    def stored(self, name: str) -> Stored:
        spec = self.specs[name]
        return Stored(mapped(np.asarray(self._mapped[name])), spec.quant, spec.shape)

    def close(self) -> None:
        self._mapped.clear()


def _with_original_shape(path: Path, spec: TensorSpec, header: GGUFHeader) -> TensorSpec:
    shape = header.integers.get(ORIGINAL_SHAPE + spec.name)
    if shape is None:
        return spec
    if min(shape, default=0) < 1 or math.prod(shape) != spec.numel:
        raise WeightsError(
            f"tensor {spec.name}: stored as {spec.shape}, {ORIGINAL_SHAPE}* says {shape}",
            where=path,
            do=AGAIN,
        )
    return replace(spec, shape=shape)


def _refuse_split(path: Path, header: GGUFHeader) -> None:
    (parts, *_) = header.integers.get("split.count") or (1,)
    if parts > 1:
        raise WeightsError(
            f"is one of {parts:,} parts of a split GGUF", where=path, do="merge them with gguf-split --merge"
        )
