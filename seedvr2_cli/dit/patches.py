"""Latents to tokens and back: a token is 2 x 2 latents, channel fastest. Source: spec/dit.md 2.2 and 2.9."""

from torch import Tensor

from seedvr2_cli.dit.config import PATCH


def to_tokens(x: Tensor) -> Tensor:
    """(T, H, W, C) -> (T * H / 2 * W / 2, 4 * C), tokens in the order t, y, x."""
    t, h, w, channels = x.shape
    cut = x.reshape(t, h // PATCH, PATCH, w // PATCH, PATCH, channels)
    return cut.transpose(2, 3).reshape(-1, PATCH * PATCH * channels)


def to_latents(tokens: Tensor, size: tuple[int, int, int]) -> Tensor:
    """(tokens, 4 * C) -> (T, H, W, C) of size (T, H, W)."""
    t, h, w = size
    cut = tokens.reshape(t, h // PATCH, w // PATCH, PATCH, PATCH, -1)
    return cut.transpose(2, 3).reshape(t, h, w, -1)
