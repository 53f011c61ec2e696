"""The layers of a block as their file stores them, and how they are made ready to use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.dit.block import BlockWeights, Entry, Rest
from seedvr2_cli.dit.config import DiTConfig, Variant
from seedvr2_cli.dit.tensors import streams
from seedvr2_cli.ops.matrices import Arithmetic, Fp8, Int8, Matrix, make_matrix
from seedvr2_cli.weights.finite import is_finite, not_finite
from seedvr2_cli.weights.stored import Stored

_NORMS = ("norm_q", "norm_k")
_REST = ("out", "mlp_in", "mlp_out", "mlp_gate")


@dataclass(frozen=True)
class Weights:
    """All tensors of a file under their published names, in their published shapes. path: for errors.

    text: the prompt's embedding that belongs to them, (L, txt_in_dim) float32, None where there is none.
    """

    path: Path
    tensors: Mapping[str, Stored]
    text: Tensor | None = None

    def float32(self, name: str, device: torch.device) -> Tensor:
        """One tensor, ready to use."""
        return self.tensors[name].to(device).dense(torch.float32)


@dataclass(frozen=True)
class Making:
    """How layers are made. dtype: of all but the large products in 8 bits, which are made as `how` says."""

    device: torch.device
    dtype: torch.dtype
    how: Arithmetic = Arithmetic.PLAIN


@dataclass(frozen=True)
class StoredLayer:
    """One layer. name: without `.weight` and `.bias`."""

    name: str
    weight: Stored
    bias: Stored | None

    def each(self, move: Callable[[Stored], Stored]) -> "StoredLayer":
        """The same layer with its bytes somewhere else."""
        return replace(self, weight=move(self.weight), bias=move(self.bias) if self.bias else None)


StoredStream = dict[str, StoredLayer]  # by the field of Entry or Rest it becomes


@dataclass(frozen=True)
class StoredBlock:
    """Video and text, the same mapping where they share their weights. text_ends: nothing reads the text
    after this block."""

    video: StoredStream
    text: StoredStream
    text_ends: bool

    @property
    def shared(self) -> bool:
        return self.text is self.video

    def layers(self) -> list[StoredLayer]:
        """Every layer once."""
        return [*self.video.values(), *(() if self.shared else self.text.values())]


def stored_block(config: DiTConfig, tensors: Mapping[str, Stored], layer: int) -> StoredBlock:
    """What a block needs of its file; of the text that nothing reads afterwards, keys and values alone."""
    words, ends = streams(config, layer), config.ends_text(layer)
    found = [_stored_stream(config, tensors, layer, word) for word in words]
    if ends and len(found) == 2:
        qkv = found[1]["qkv"]
        found[1] = {field: found[1][field] for field in _NORMS}
        found[1]["qkv"] = replace(qkv, weight=qkv.weight.rows(config.inner, 3 * config.inner))
    return StoredBlock(found[0], found[-1], text_ends=ends)


def move_block(block: StoredBlock, move: Callable[[Stored], Stored]) -> StoredBlock:
    """The block with its bytes somewhere else."""
    video = {field: layer.each(move) for field, layer in block.video.items()}
    if block.shared:
        return replace(block, video=video, text=video)
    return replace(block, video=video, text={field: layer.each(move) for field, layer in block.text.items()})


def make_block(block: StoredBlock, making: Making, path: Path) -> BlockWeights:
    """The block in the form that computes. path: for errors. Raises WeightsError for 8-bit weights that
    cannot be made, since they are not finite; in any other form such weights show in the result."""
    video, rest = _make_entry(block.video, making, path), _make_rest(block.video, making, path)
    if block.shared:
        return BlockWeights(video, rest, video, None if block.text_ends else rest)
    text = _make_entry(block.text, making, path)
    return BlockWeights(video, rest, text, None if block.text_ends else _make_rest(block.text, making, path))


def _names(config: DiTConfig, layer: int, word: str) -> dict[str, str]:
    attention, mlp = f"blocks.{layer}.attn", f"blocks.{layer}.mlp.{word}"
    names = {
        "qkv": f"{attention}.proj_qkv.{word}",
        "norm_q": f"{attention}.norm_q.{word}",
        "norm_k": f"{attention}.norm_k.{word}",
        "out": f"{attention}.proj_out.{word}",
        "mlp_in": f"{mlp}.proj_in",
        "mlp_out": f"{mlp}.proj_out",
    }
    return names | ({"mlp_gate": f"{mlp}.proj_in_gate"} if config.variant is Variant.B3 else {})


def _stored_stream(config: DiTConfig, tensors: Mapping[str, Stored], layer: int, word: str) -> StoredStream:
    return {
        field: StoredLayer(name, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))
        for field, name in _names(config, layer, word).items()
        if f"{name}.weight" in tensors  # a last block may lack what its text does not need
    }


def _make_entry(stream: StoredStream, making: Making, path: Path) -> Entry:
    norm_q, norm_k = (stream[field].weight.to(making.device).dense(torch.float32) for field in _NORMS)
    return Entry(_make_matrix(stream["qkv"], making, path), norm_q, norm_k)


def _make_rest(stream: StoredStream, making: Making, path: Path) -> Rest:
    made = {f: _make_matrix(layer, making, path) for f, layer in stream.items() if f in _REST}
    return Rest(**made)


def _make_matrix(layer: StoredLayer, making: Making, path: Path) -> Matrix:
    # 8-bit forms are made from the stored numbers, so that a weight is rounded once
    kind = making.dtype if making.how is Arithmetic.PLAIN else _exact(layer.weight)
    weight = layer.weight.to(making.device).dense(kind)
    bias: Tensor | None = None if layer.bias is None else layer.bias.to(making.device).dense(torch.float32)
    made = make_matrix(weight, bias, making.dtype, making.how)
    if isinstance(made, Int8 | Fp8) and not is_finite(made.scales):
        raise not_finite(path, f"{layer.name}.weight", weight, torch.float32)
    return made


def _exact(stored: Stored) -> torch.dtype:
    """A type that holds every number stored, without a copy where there is one."""
    return next((kind for kind in (torch.bfloat16, torch.float16) if stored.lies_as(kind)), torch.float32)
