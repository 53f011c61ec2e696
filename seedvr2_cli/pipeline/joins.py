"""The windows of a shot become one run of latents: what two of them share is mixed, before one decode."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.plan.windows import Window, older_weights


def joined(windows: Sequence[Window], results: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield a shot's latents, (t, h, w, C), in order, as soon as no window can change them any more.

    windows: all of a shot. results: what the transformer made of each, (T, h, w, C), in their order. They are
    asked for one at a time, and by then nothing is kept of the one before but the latents that it shares with
    the next. Shared latents go over from the older window to the newer along a line (`older_weights`); where
    both are equal, so is the mixture. Raises ShapeError where a result is not of its window's length.
    """
    stops = [newer.start for newer in windows[1:]] + [windows[-1].stop]
    older: Tensor | None = None
    source = iter(results)
    for window, stop in zip(windows, stops, strict=True):
        result = next(source)
        if len(result) != window.latents:
            raise ShapeError(f"{len(result)} latents for a window of {window.latents}")
        shared = 0 if older is None else len(older)
        if older is not None and shared:
            yield _mixture(older, result[:shared])
        if stop - window.start > shared:
            yield result[shared : stop - window.start]
        older = result[stop - window.start :].clone()  # a view would keep the whole window
        del result


def _mixture(older: Tensor, newer: Tensor) -> Tensor:
    weights = torch.tensor(older_weights(len(older)), dtype=older.dtype, device=older.device)
    return torch.lerp(newer, older, weights.view(-1, 1, 1, 1))
