"""What the plain causal network remembers between slices of time: a value, passed in and returned."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class CausalCache:
    """The last input frames of every causal conv with a kernel in time, in order of computation.

    Each entry is (B, C, n, H, W), n = 2, or 1 for a stride of 2 in time. The caller owns the value.
    Source: spec/vae.md 1.3.
    """

    frames: tuple[Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that the remembered frames take."""
        return sum(entry.nbytes for entry in self.frames)


class Walk:
    """One slice on its way through a network: hands out remembered frames and collects new ones.

    It lives for one forward pass. start: the slice begins a clip, so that there is nothing to remember.
    """

    def __init__(self, cache: CausalCache | None) -> None:
        self.start = cache is None
        self._old = iter(cache.frames if cache else ())
        self._new: list[Tensor] = []

    def recall(self) -> Tensor:
        """The frames that the next causal conv remembers from the slice before."""
        return next(self._old)

    def keep(self, frames: Tensor) -> None:
        """Remember these input frames; a copy, so that the whole map they are part of can go."""
        self._new.append(frames.clone(memory_format=torch.channels_last_3d))

    def cache(self) -> CausalCache:
        """What the next slice needs."""
        return CausalCache(tuple(self._new))
