"""Names and shapes as others store them, brought to those of the published state dict."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch

from seedvr2_cli.weights.source import TensorSource, TensorSpec
from seedvr2_cli.weights.stored import Stored

PREFIXES = ("model.diffusion_model.", "first_stage_model.", "module.", "vae.")  # spec/vae.md 5.1

_TRANSFORMER = PREFIXES[0]
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_FLAT = 256  # row length of flattened tensors, the largest quant block


class CanonicalNames(TensorSource):
    """A source seen through the published names. Closing it closes the source."""

    def __init__(self, source: TensorSource, stored: Mapping[str, str]) -> None:
        """stored: published name -> name in the file."""
        self._source = source
        self._stored = stored
        self.path = source.path
        self.format = source.format
        self.metadata = source.metadata
        self.specs = {name: replace(source.specs[old], name=name) for name, old in stored.items()}

    def read(self, name: str, out: torch.Tensor | None = None) -> torch.Tensor:
        return self._source.read(self._stored[name], out)

    def stored(self, name: str) -> Stored:
        return self._source.stored(self._stored[name])

    def close(self) -> None:
        self._source.close()


def with_canonical_names(source: TensorSource) -> TensorSource:
    """The source itself where its names are the published ones already."""
    names = canonical_names(source.specs)
    if all(new == old for new, old in names.items()):
        return source
    return CanonicalNames(source, names)


def canonical_names(stored: Iterable[str]) -> dict[str, str]:
    """Published name -> stored name, in the order given; a step that would make two names one is left out.

    Prefixes go where most names carry one, also one after another; attentions of old checkpoints are renamed.
    Where any name has a transformer's prefix, the others but for its conditioning belong to something else.
    """
    names = {name: name for name in stored}
    if any(name.startswith(_TRANSFORMER) for name in names):
        names = {n: n for n in names if n.startswith(_TRANSFORMER) or n.endswith("_conditioning")}
    for _ in PREFIXES:
        prefix = next((p for p in PREFIXES if _most_carry(names, p)), None)
        if prefix is None:
            break
        shorter = {name.removeprefix(prefix): old for name, old in names.items()}
        if len(shorter) < len(names) or "" in shorter:
            break
        names = shorter
    renamed = {_modern(name): old for name, old in names.items()}
    return renamed if len(renamed) == len(names) else names


def fit_shape(spec: TensorSpec, expected: tuple[int, ...]) -> tuple[int, ...] | None:
    """expected, if the stored shape is it or one of its known flattened forms, else None.

    Kernels (5-D) and matrices (2-D) may be stored as (numel / 256, 256) or as one row; kernels also as
    (first, rest) or with the outer two dimensions merged. Elements keep their order in all of them. A
    transposed matrix is none of these, even where its sizes would allow it. Source: spec/vae.md 5.1.
    """
    stored = spec.shape
    if stored == expected:
        return expected
    if spec.numel != math.prod(expected) or len(expected) not in (2, 5) or stored == expected[::-1]:
        return None
    forms = [(spec.numel // _FLAT, _FLAT), (spec.numel,)]
    if len(expected) == 5:
        outer, inner, *kernel = expected
        forms += [(outer, spec.numel // outer), (outer * inner, *kernel)]
    return expected if stored in forms else None


def _most_carry(names: Mapping[str, str], prefix: str) -> bool:
    return 2 * sum(name.startswith(prefix) for name in names) > len(names)


def _modern(name: str) -> str:
    """`...attentions.0.query.weight` -> `...attentions.0.to_q.weight`."""
    head, dot, tail = name.partition(".attentions.")
    index, _, rest = tail.partition(".")
    old, _, leaf = rest.rpartition(".")
    if dot and old in _OLD_ATTENTION:
        return f"{head}{dot}{index}.{_OLD_ATTENTION[old]}.{leaf}"
    return name
