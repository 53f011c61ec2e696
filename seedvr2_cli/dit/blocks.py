"""Where the blocks' weights are: ready and kept, or made ready from the file when their turn comes."""

from collections.abc import Iterator

import torch

from seedvr2_cli.dit.block import BlockWeights
from seedvr2_cli.dit.config import DiTConfig
from seedvr2_cli.dit.stored import Making, StoredBlock, Weights, make_block, move_block, stored_block
from seedvr2_cli.weights.stored import Stored


class Blocks:
    """The blocks of one file, in their order.

    The first `kept` are made once, when they are first needed. The others stay as stored, in the mapped file
    (for a GPU: in host memory that it can fetch from), and are made again on every pass.
    """

    def __init__(self, config: DiTConfig, weights: Weights, making: Making, kept: int) -> None:
        self._config, self._weights, self._making = config, weights, making
        self.kept = min(kept, config.num_layers)
        self._ready: dict[int, BlockWeights] = {}
        self._pinned: dict[int, StoredBlock] = {}

    def __iter__(self) -> Iterator[BlockWeights]:
        """Every block, ready to use."""
        for layer in range(self.kept):
            if layer not in self._ready:
                self._ready[layer] = self._make(self._stored(layer))
            yield self._ready[layer]
        streamed = range(self.kept, self._config.num_layers)
        yield from (
            self._fetched(streamed) if self._making.device.type == "cuda" else map(self._read, streamed)
        )

    def _read(self, layer: int) -> BlockWeights:
        return self._make(self._stored(layer))

    def _fetched(self, layers: range) -> Iterator[BlockWeights]:
        """On a GPU: the bytes of the next block travel on a stream of their own while this one computes."""
        device = self._making.device
        copies = torch.cuda.Stream(device)
        ahead = self._start(layers[0], copies) if layers else None
        for layer in layers:
            assert ahead is not None
            block, arrived = ahead
            ahead = self._start(layer + 1, copies) if layer + 1 in layers else None
            current = torch.cuda.current_stream(device)
            current.wait_event(arrived)

            def used(stored: Stored, by: torch.cuda.Stream = current) -> Stored:
                stored.raw.record_stream(by)  # its memory may not be given away before it was read
                return stored

            yield self._make(move_block(block, used))

    def _start(self, layer: int, copies: torch.cuda.Stream) -> tuple[StoredBlock, torch.cuda.Event]:
        if layer not in self._pinned:
            self._pinned[layer] = move_block(self._stored(layer), Stored.pinned)
        with torch.cuda.stream(copies):
            there = move_block(self._pinned[layer], lambda stored: stored.to(self._making.device))
            return there, copies.record_event()

    def _stored(self, layer: int) -> StoredBlock:
        return stored_block(self._config, self._weights.tensors, layer)

    def _make(self, block: StoredBlock) -> BlockWeights:
        return make_block(block, self._making, self._weights.path)
