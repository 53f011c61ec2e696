"""8-bit weights with a scale beside them: `<layer>.weight` is to be multiplied with `<layer>.weight_scale`.

The scale is one number, or one for every row; older files call it `<layer>.scale_weight`. Beside them stand
markers that hold no weights. Source: spec/dit.md 1.2.
"""

import json
from collections.abc import Mapping

import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.source import AGAIN, TensorSource, TensorSpec
from seedvr2_cli.weights.stored import Stored

SCALES = (".weight_scale", ".scale_weight")
_MARKERS = (".comfy_quant", ".scale_input", ".input_scale")
_GLOBAL_MARKER = "scaled_fp8"
_READ = ("float8_e4m3fn", "float8_e4m3fn_scaled")  # formats that are a float8 number times a scale
_MAX_MARKER = 4096  # bytes of a marker's JSON
_INSTEAD = "take the float16 file or a GGUF"


class ScaledSource(TensorSource):
    """A source whose scales are part of the weights they belong to. Closing it closes the source."""

    def __init__(self, source: TensorSource, scales: Mapping[str, str]) -> None:
        """scales: name of a weight -> name of its scale."""
        self._source = source
        self._scales = scales
        self.path, self.format, self.metadata = source.path, source.format, source.metadata
        self.specs = {name: spec for name, spec in source.specs.items() if not is_companion(name)}

    def read(self, name: str, out: torch.Tensor | None = None) -> torch.Tensor:
        if name not in self._scales:
            return self._source.read(name, out)
        if out is None:
            return self.stored(name).dense(torch.float32)
        out.view(self.specs[name].shape).copy_(self.stored(name).dense(torch.float32))
        return out

    def stored(self, name: str) -> Stored:
        stored = self._source.stored(name)
        if name not in self._scales:
            return stored
        scale = self._source.read(self._scales[name]).float().view(-1)
        return Stored(stored.raw, stored.quant, stored.shape, scale)

    def close(self) -> None:
        self._source.close()


def with_scales(source: TensorSource) -> TensorSource:
    """The source itself where it has no scales. Raises WeightsError, naming the tensor, for a format that is
    not float8 times a scale, and for scales that fit no weight."""
    if not any(is_companion(name) for name in source.specs):
        return source
    for name in source.specs:
        if name.endswith(".comfy_quant"):
            _check_format(source, name)
    scales: dict[str, str] = {}
    for name, spec in source.specs.items():
        ending = next((ending for ending in SCALES if name.endswith(ending)), None)
        if ending:
            weight = f"{name.removesuffix(ending)}.weight"
            _check_scale(source, spec, source.specs.get(weight))
            scales[weight] = name
    return ScaledSource(source, scales)


def is_companion(name: str) -> bool:
    """True for a tensor that says how another is stored."""
    return name.endswith((*SCALES, *_MARKERS)) or name == _GLOBAL_MARKER


def _check_format(source: TensorSource, name: str) -> None:
    spec = source.specs[name]
    if spec.nbytes > _MAX_MARKER or spec.quant not in ("U8", "I8"):
        raise WeightsError(f"tensor {name} is no marker of a format", where=source.path, do=AGAIN)
    try:
        marker = json.loads(bytes(source.stored(name).raw.numpy()))
        found = marker["format"]
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise WeightsError(f"tensor {name} names no format", where=source.path, do=AGAIN) from error
    if found not in _READ:
        what = f"tensor {name}: weights in the format {str(found)[:40]!a} cannot be read"
        raise WeightsError(what, where=source.path, do=_INSTEAD)


def _check_scale(source: TensorSource, scale: TensorSpec, weight: TensorSpec | None) -> None:
    if weight is None:
        raise WeightsError(f"tensor {scale.name} scales no tensor of the file", where=source.path, do=AGAIN)
    if not weight.quant.startswith("F8_"):
        what = f"tensor {weight.name}: scaled weights of type {weight.quant} cannot be read"
        raise WeightsError(what, where=source.path, do=_INSTEAD)
    if scale.numel not in (1, weight.shape[0] if weight.shape else 1):
        what = f"tensor {scale.name}: {scale.numel:,} scales for {weight.shape} weights"
        raise WeightsError(what, where=source.path, do=AGAIN)
