"""Sizes of pictures: padding to what the model takes, and the indices that do it."""


def padded_size(size: int, multiple: int) -> int:
    """The least multiple of `multiple` that is no less than `size`."""
    return -(-size // multiple) * multiple


def reflected_indices(size: int, padded: int) -> list[int]:
    """Source index of every position of a side that is padded at its end by reflection.

    The edge itself is not repeated: 0 1 2 | 1 0 1 2. However small `size` is, every index is inside it.
    """
    period = max(1, 2 * (size - 1))
    return [min(i % period, period - i % period) if size > 1 else 0 for i in range(padded)]
