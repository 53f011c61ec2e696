"""How many blocks are ready at a time, and how many tokens go through them: a model's memory, in numbers."""

import math
from dataclasses import dataclass

import torch

from seedvr2_cli.dit.config import IN_CHANNELS, OUT_CHANNELS, PATCH, DiTConfig
from seedvr2_cli.dit.stored import Making, StoredBlock, Weights, stored_block
from seedvr2_cli.dit.windows import Grid, window_shape
from seedvr2_cli.ops.matrices import Arithmetic

CPU_TOKENS = 2048  # beyond this the products get no faster (measured with AMX)
GPU_TOKENS = 16384


@dataclass(frozen=True)
class Limits:
    """tokens: how many go through the layers at a time; whole windows, at least one. blocks: how many keep
    their weights ready; the others are made from the file on every pass."""

    tokens: int
    blocks: int


@dataclass(frozen=True)
class Choice:
    """How a model is to compute. why: the reason for its dtype. blocks: how many keep their weights ready,
    None: as many as `room` bytes hold (None: half of what is free). tokens: at a time, None: what the device
    likes."""

    dtype: torch.dtype
    why: str
    how: Arithmetic = Arithmetic.PLAIN
    blocks: int | None = None
    room: int | None = None
    tokens: int | None = None


def choose_limits(
    config: DiTConfig, weights: Weights, making: Making, choice: Choice, free: int | None
) -> Limits:
    """free: bytes on the device, None where not known: then nothing but what takes no memory is kept."""
    tokens = choice.tokens or (CPU_TOKENS if making.device.type == "cpu" else GPU_TOKENS)
    if choice.blocks is not None:
        return Limits(tokens, min(choice.blocks, config.num_layers))
    room = choice.room if choice.room is not None else (free or 0) // 2
    return Limits(tokens, kept_blocks(block_sizes(config, weights, making), making.device, room))


def block_sizes(config: DiTConfig, weights: Weights, making: Making) -> list[int]:
    """The memory that each block takes once it is ready."""
    layers = range(config.num_layers)
    return [ready_bytes(stored_block(config, weights.tensors, layer), making) for layer in layers]


def kept_blocks(sizes: list[int], device: torch.device, room: int) -> int:
    """How many blocks of these sizes stay ready in so many bytes.

    On a CPU all of them or none but those that need not be made: a pass that makes one block makes them all
    in the time that a large window takes.
    """
    if device.type == "cpu":
        return len(sizes) if sum(sizes) <= room else _leading(sizes, 0)
    return _leading(sizes, room)


def ready_bytes(block: StoredBlock, making: Making) -> int:
    """Memory that a block takes once it is ready: none, on a CPU, for weights that are used as they lie."""
    total = 0
    for layer in block.layers():
        count = math.prod(layer.weight.shape)
        if making.how is not Arithmetic.PLAIN:
            total += count
        elif not (making.device.type == "cpu" and layer.weight.lies_as(making.dtype)):
            total += count * making.dtype.itemsize
    return total


def working_bytes(config: DiTConfig, dtype: torch.dtype, grid: Grid, limits: Limits) -> int:
    """Memory that a call takes beside its weights, for a grid of (t, h, w) tokens: an upper estimate.

    The stream of the whole clip, input and output in float32, and what the tokens of one piece need on their
    way through a block.
    """
    tokens = grid[0] * grid[1] * grid[2]
    t, h, w = window_shape(grid)
    piece = min(tokens, max(limits.tokens, t * h * w))
    each, inner, width = dtype.itemsize, config.inner, config.vid_dim
    whole = 4 * (width + PATCH * PATCH * (IN_CHANNELS + 2 * OUT_CHANNELS))
    attention = (width + 7 * inner) * each + 4 * 3 * inner
    mlp = (width + 2 * config.hidden) * each
    return tokens * whole + piece * (2 * 4 * width + max(attention, mlp))


def _leading(sizes: list[int], room: int) -> int:
    """How many of the first blocks fit."""
    count = 0
    for size in sizes:
        if size > room:
            break
        room -= size
        count += 1
    return count
