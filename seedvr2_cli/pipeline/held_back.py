"""A look at the first frames of a clip that still goes through as a whole."""

from collections.abc import Iterable, Iterator
from itertools import chain

import torch
from torch import Tensor


def held_back(pieces: Iterable[Tensor], count: int) -> tuple[Tensor, Iterator[Tensor]]:
    """The first `count` frames of pieces (1, C, t, H, W), or all if there are fewer, and all pieces again."""
    coming = iter(pieces)
    taken: list[Tensor] = []
    while sum(piece.shape[2] for piece in taken) < count and (piece := next(coming, None)) is not None:
        taken.append(piece)
    return torch.cat(taken, 2)[:, :, :count], chain(taken, coming)
