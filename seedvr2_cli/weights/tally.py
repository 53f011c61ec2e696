"""What a conversion did to each group of tensors: how large they were and are, and how far off."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.weights.quants import BLOCKS, decode

_CHUNK = 1 << 20  # elements compared at once
_DEPTH = 2  # parts of a name that make a group


@dataclass
class Group:
    """Tensors of one part of the network that went from one type to another. square, error_square: sums over
    all numbers; largest: the largest error."""

    tensors: int = 0
    before: int = 0
    after: int = 0
    square: float = 0.0
    error_square: float = 0.0
    largest: float = 0.0

    def facts(self) -> dict[str, Any]:
        """As a report holds it. snr_db: None where nothing differs."""
        snr = None
        if self.error_square:
            snr = round(10 * math.log10(max(self.square, 1e-300) / self.error_square), 2)
        return {
            "tensors": self.tensors,
            "bytes_before": self.before,
            "bytes_after": self.after,
            "snr_db": snr,
            "max_error": self.largest,
        }


class Tally:
    """Groups by part of the network and types, the parts in the order of all names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parts = list(dict.fromkeys(map(_part, names)))
        self._groups: dict[tuple[str, str, str], Group] = {}

    def add(self, name: str, before: tuple[str, int], after: tuple[str, int]) -> Group:
        """Count a tensor; before and after: its type and bytes. Returns its group."""
        group = self._groups.setdefault((_part(name), before[0], after[0]), Group())
        group.tensors += 1
        group.before += before[1]
        group.after += after[1]
        return group

    def facts(self) -> list[dict[str, Any]]:
        """One row a group."""
        return [
            {"part": part, "from": before, "to": after} | group.facts()
            for (part, before, after), group in sorted(self._groups.items(), key=self._place)
        ]

    def _place(self, item: tuple[tuple[str, str, str], Group]) -> tuple[int, int]:
        """By part, then the largest first."""
        (part, _, _), group = item
        return self._parts.index(part), -group.before


def _part(name: str) -> str:
    return ".".join([word for word in name.split(".") if not word.isdecimal()][:_DEPTH])


def measure(group: Group, original: Tensor, data: np.ndarray, quant: str) -> None:
    """Add the difference between a tensor and its bytes in a file."""
    block = BLOCKS[quant]
    flat = original.reshape(-1)
    for at in range(0, flat.numel(), _CHUNK):
        part = flat[at : at + _CHUNK].float()
        raw = data[at // block.elements * block.nbytes :][: part.numel() // block.elements * block.nbytes]
        measure_values(group, part, decode(torch.from_numpy(raw), quant, torch.empty_like(part)))


def measure_values(group: Group, original: Tensor, stored: Tensor) -> None:
    """Add the difference between float32 numbers and what became of them."""
    error = (stored - original).double()
    group.square += float(original.double().square().sum())
    group.error_square += float(error.square().sum())
    group.largest = max(group.largest, float(error.abs().max()) if error.numel() else 0.0)
