"""How fast a device multiplies matrices: what the rate of convs is held against, measured in the same run."""

import time

import torch

from seedvr2_cli.ops.probe import settle

SIDE_CPU, SIDE_GPU = 1024, 8192  # on a CPU short enough to come through between what else runs
ROUNDS = 5


def matmul_rate(device: torch.device, dtype: torch.dtype, side: int | None = None) -> float:
    """Operations per second of the fastest of a few square products of random values; a multiply-add counts
    two. side: rows and columns, None: as many as keep the device busy."""
    side = side or (SIDE_CPU if device.type == "cpu" else SIDE_GPU)
    draw = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=draw).to(device, dtype) for _ in range(2))
    a @ b
    best = float("inf")
    for _ in range(ROUNDS):
        settle(device)
        start = time.perf_counter()
        a @ b
        settle(device)
        best = min(best, time.perf_counter() - start)
    return 2.0 * side**3 / best
