"""Scales of 8-bit codes."""

import math


def scale_for(bound: float, full_scale: float) -> float:
    """The smallest power of two that takes values up to `bound` to codes up to `full_scale`; 1.0 for none.

    A power of two changes no digit of a value, so that codes are the same however they are made.
    """
    if not 0 < bound < math.inf:
        return 1.0
    return 2.0 ** math.ceil(math.log2(bound / full_scale))
