"""A clip that comes in pieces of any length, cut into the slices of time that the network takes."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.plan.slices import padded_count


def recut(
    pieces: Iterable[Tensor], *, later: int, multiple: int, total: int | None = None
) -> Iterator[tuple[Tensor, bool]]:
    """Yield the first frame (or latent) alone, then `later` at a time, the last as many as are left.

    pieces: (B, C, t, H, W), t as it comes. total: the length of the clip where it is known; with each slice
    comes whether it is known to be the last. Raises ShapeError where pieces differ in size, where there are
    none, and where the last slice is no multiple of `multiple`.
    """
    held: Tensor | None = None
    wanted, read = 1, 0
    for piece in pieces:
        read += piece.shape[2]
        held = piece if held is None else _joined(held, piece)
        while held.shape[2] >= wanted:
            left = held[:, :, wanted:]
            yield held[:, :, :wanted], left.shape[2] == 0 and read == total
            held, wanted = left, later
    if held is None:
        raise ShapeError("a clip without a frame")
    if held.shape[2]:
        check_count(read, multiple)
        yield held, True


def check_count(frames: int, factor: int) -> None:
    """Raise ShapeError unless frames = factor * n + 1, for whole n."""
    if (frames - 1) % factor:
        raise ShapeError(
            f"{frames} frames, not {factor} n + 1: the rest would be lost",
            do=f"repeat the last frame up to {padded_count(frames, factor)}, and cut the result back",
        )


def _joined(held: Tensor, piece: Tensor) -> Tensor:
    if held.shape[:2] + held.shape[3:] != piece.shape[:2] + piece.shape[3:]:
        raise ShapeError(f"a piece of {tuple(piece.shape)} follows pieces of {tuple(held.shape)}")
    return torch.cat([held, piece], dim=2) if held.shape[2] else piece
