"""Whether products in 8 bits are worth it on a device: tried on one of the transformer's size."""

import torch

from seedvr2_cli.ops.matrices import Arithmetic, make_matrix
from seedvr2_cli.ops.probe import seconds

ROWS, WIDTH, TOKENS = 6912, 2560, 1024  # of the 3B's MLP; a window of 2 latents at 480x360
ROUNDS = 5
WORTH = 1.2  # how much faster they must be, for what making them takes, and for their rounding


def gain_of(device: torch.device, dtype: torch.dtype, how: Arithmetic) -> float:
    """How many times as fast as in dtype a large product is: the best of a few of each, in turns.

    The form must work there; see `check_arithmetic`.
    """
    draw = torch.Generator().manual_seed(0)
    weight = (torch.randn(ROWS, WIDTH, generator=draw) * 0.02).to(device, dtype)
    x = torch.randn(TOKENS, WIDTH, generator=draw).to(device, dtype)
    plain = make_matrix(weight, None, dtype, Arithmetic.PLAIN)
    small = make_matrix(weight, None, dtype, how)
    times = [(seconds(lambda: plain(x), device), seconds(lambda: small(x), device)) for _ in range(ROUNDS)]
    return min(time for time, _ in times) / min(time for _, time in times)
