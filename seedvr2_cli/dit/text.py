"""The embedding of the prompt, the same for every clip: in the weight file, beside it, or our own copy.

The copy in `assets/pos_emb.safetensors` is the published one, Apache-2.0, Copyright (c) 2025 Bytedance Ltd.
and/or its affiliates. Source: spec/dit.md 1.2 and 4.
"""

from pathlib import Path

from torch import Tensor

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.dit.config import DiTConfig
from seedvr2_cli.dit.tensors import CONDITIONING
from seedvr2_cli.weights.finite import is_finite
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.pth_file import read_lone_tensor
from seedvr2_cli.weights.source import TensorSource

_EMBEDDED = Path(__file__).parents[1] / "assets" / "pos_emb.safetensors"
_BESIDE = ("pos_emb.safetensors", "pos_emb.pt")
_POSITIVE = CONDITIONING[0]
_MAX_TOKENS = 4096


def find_text(source: TensorSource, config: DiTConfig) -> tuple[Tensor | None, str]:
    """(L, txt_in_dim) float32 and where it is from. What the weight file holds goes before a file beside it,
    and that before the published embedding; None where none fits the model's width, which no published model
    meets. Raises WeightsError for a text that is damaged, or one in the weight file that does not fit."""
    if _POSITIVE in source.specs:
        return _checked(source.read(_POSITIVE), config, source.path, _POSITIVE), "the weight file"
    for name in _BESIDE:
        path = source.path.with_name(name)
        if path.is_file() and (beside := _read(path)).shape[-1:] == (
            config.txt_in_dim,
        ):  # else it is another's
            return _checked(beside, config, path, name), str(path)
    text = _read(_EMBEDDED)
    if text.shape[1] != config.txt_in_dim:
        return None, "none: the published one has another width"
    return text.float(), "the published one"


def _read(path: Path) -> Tensor:
    if path.suffix == ".pt":
        return read_lone_tensor(path)
    with open_weights(path) as source:
        names = [name for name in source.specs if name != CONDITIONING[1]]
        if len(names) != 1:
            what = f"holds {len(names)} tensors, one embedding expected"
            raise WeightsError(what, where=path, do="move it away, and the published one is taken")
        return source.read(names[0])


def _checked(text: Tensor, config: DiTConfig, path: Path, name: str) -> Tensor:
    text = text.view(-1, *text.shape[-1:]) if text.ndim == 3 and len(text) == 1 else text
    if text.ndim != 2 or text.shape[1] != config.txt_in_dim or not 0 < len(text) <= _MAX_TOKENS:
        what = f"{name} has the shape {tuple(text.shape)}, (L, {config.txt_in_dim}) expected"
        raise WeightsError(what, where=path, do="give the embedding that belongs to the model")
    if not is_finite(text):
        raise WeightsError(f"{name} is not finite", where=path, do="download it again")
    return text.float()
