"""One block: attention within windows and an MLP, on the residual stream of the video and of the text.

The video's stream is updated in place, some windows at a time: a window reads and writes its own tokens
alone, so that nothing but the stream itself is as large as the clip. Source: spec/dit.md 2.5, 2.6 and 3.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seedvr2_cli.dit.condition import Modulation, Modulations
from seedvr2_cli.dit.config import EPS
from seedvr2_cli.dit.layout import Layout
from seedvr2_cli.dit.rope import rotate
from seedvr2_cli.dit.windows import Grid
from seedvr2_cli.ops.matrices import Matrix

FromText = tuple[Tensor | None, Tensor, Tensor]  # queries, keys and values, (L, heads, head_dim)


@dataclass(frozen=True)
class Entry:
    """What makes queries, keys and values of a stream, or the last two. norms: (head_dim,) float32."""

    qkv: Matrix
    norm_q: Tensor
    norm_k: Tensor


@dataclass(frozen=True)
class Rest:
    """What a stream goes through after attention. mlp_gate: the 3B's MLP has it."""

    out: Matrix
    mlp_in: Matrix
    mlp_out: Matrix
    mlp_gate: Matrix | None = None


@dataclass(frozen=True)
class BlockWeights:
    """A block. text_rest: None where nothing reads the text after this block."""

    video: Entry
    video_rest: Rest
    text: Entry
    text_rest: Rest | None


@dataclass(frozen=True)
class Rotations:
    """by_size: of the tokens of a window; text: of the text's, None where it is not rotated. See `rope`."""

    by_size: dict[Grid, Tensor]
    text: Tensor | None


@dataclass(frozen=True)
class BlockPlan:
    """What a block does whatever its weights. dtype: of its layers. limit: tokens at a time."""

    heads: int
    dtype: torch.dtype
    layout: Layout
    rotations: Rotations
    limit: int


def run_block(
    plan: BlockPlan,
    weights: BlockWeights,
    modulations: tuple[Modulations, Modulations | None],
    video: Tensor,
    text: Tensor,
) -> Tensor:
    """video: (tokens, vid_dim) float32, updated in place. text: (L, vid_dim) float32. Returns the text."""
    of_video, of_text = modulations
    x = _modulated(text, of_text.attention if of_text else None, plan.dtype)
    from_text = _text_qkv(plan, weights.text, x, asks=weights.text_rest is not None)
    heard = torch.zeros_like(from_text[2], dtype=torch.float32)  # by the text's queries, over all windows
    for group in plan.layout.groups:
        rotation = plan.rotations.by_size[group.size]
        for piece in group.pieces(plan.limit):
            places = piece.reshape(-1)
            rows = video[places]
            x = _modulated(rows, of_video.attention, plan.dtype)
            attended, by_text = _attend(plan, weights.video, x, piece.shape, rotation, from_text)
            if by_text is not None:
                heard += by_text
            rows.addcmul_(weights.video_rest.out(attended), of_video.attention.gate)
            for part in rows.split(plan.limit):
                part.addcmul_(_mlp(weights.video_rest, part, of_video.mlp, plan.dtype), of_video.mlp.gate)
            video[places] = rows
    if weights.text_rest is None or of_text is None:
        return text
    mean = (heard / plan.layout.count).flatten(1).to(plan.dtype)  # every window counts the same
    text = text + weights.text_rest.out(mean) * of_text.attention.gate
    return text + _mlp(weights.text_rest, text, of_text.mlp, plan.dtype) * of_text.mlp.gate


def rms(x: Tensor, weight: Tensor | None = None) -> Tensor:
    """x / sqrt(mean(x^2) + 1e-5) over the last axis, times weight."""
    return F.rms_norm(x, (x.shape[-1],), weight, EPS)


def _modulated(x: Tensor, by: Modulation | None, dtype: torch.dtype) -> Tensor:
    if by is None:
        return rms(x).to(dtype)
    return rms(x, by.scale).add_(by.shift).to(dtype)


def _mlp(weights: Rest, rows: Tensor, by: Modulation, dtype: torch.dtype) -> Tensor:
    x = _modulated(rows, by, dtype)
    if weights.mlp_gate is None:
        return weights.mlp_out(F.gelu(weights.mlp_in(x), approximate="tanh"))
    return weights.mlp_out(F.silu(weights.mlp_gate(x), inplace=True).mul_(weights.mlp_in(x)))


def _text_qkv(plan: BlockPlan, weights: Entry, x: Tensor, *, asks: bool) -> FromText:
    """x: (L, vid_dim). asks: the text's queries are wanted."""
    parts = weights.qkv(x).unflatten(1, (-1, plan.heads, len(weights.norm_q))).unbind(1)
    value, key = parts[-1], _placed(parts[-2], weights.norm_k, plan.rotations.text)
    query = _placed(parts[0], weights.norm_q, plan.rotations.text) if asks else None
    return query, key.to(plan.dtype), value


def _attend(
    plan: BlockPlan,
    weights: Entry,
    x: Tensor,
    shape: torch.Size,
    rotation: Tensor,
    text: FromText,
) -> tuple[Tensor, Tensor | None]:
    """Windows of equal size, each with all of the text.

    x: (windows * n, vid_dim); shape: (windows, n). Returns what the video gets, (windows * n, heads *
    head_dim), and the sum over the windows of what the text gets, (L, heads, head_dim) float32, if it asks.
    """
    windows, n = shape
    query, key, value = weights.qkv(x).view(windows, n, 3, plan.heads, -1).unbind(2)
    text_query, text_key, text_value = text
    q = _with_text(_placed(query, weights.norm_q, rotation), text_query, plan.dtype)
    k = _with_text(_placed(key, weights.norm_k, rotation), text_key, plan.dtype)
    v = _with_text(value, text_value, plan.dtype)
    got = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
    to_text = None if text_query is None else got[:, n:].sum(0, dtype=torch.float32)
    return got[:, :n].reshape(windows * n, -1), to_text


def _placed(x: Tensor, norm: Tensor, rotation: Tensor | None) -> Tensor:
    """Queries or keys, normed and turned to their place. x: (..., tokens, heads, head_dim). float32."""
    normed = rms(x.float(), norm)
    return normed if rotation is None else rotate(normed, rotation)


def _with_text(x: Tensor, text: Tensor | None, dtype: torch.dtype) -> Tensor:
    """x: (windows, n, heads, head_dim), the text's rows behind: (windows, heads, n + L, head_dim)."""
    windows, n, heads, width = x.shape
    after = 0 if text is None else len(text)
    out = torch.empty(windows, heads, n + after, width, dtype=dtype, device=x.device)
    out[:, :, :n] = x.transpose(1, 2)
    if text is not None:
        out[:, :, n:] = text.transpose(0, 1)
    return out
