"""Matching by rank: the values of one set, in the order of another (a histogram match without bins)."""

import torch
from torch import Tensor


def match_ranks(source: Tensor, reference: Tensor) -> Tensor:
    """Each value of `source` replaced by the value of the same rank in `reference`; both float32, any shape.

    Equal values keep their order (the public code's sort is unstable there). Where the counts differ, rank j
    of n becomes rank floor(j (m - 1) / (n - 1)) of m.
    """
    flat = source.flatten()
    values = _sorted(reference.flatten())
    order = _stable_order(flat)
    count, wanted = flat.numel(), values.numel()
    if count != wanted:
        ranks = torch.arange(count, device=flat.device)
        values = values[ranks.mul_(wanted - 1).div_(max(1, count - 1), rounding_mode="floor")]
    return torch.empty_like(flat).scatter_(0, order, values).view(source.shape)


def _sorted(values: Tensor) -> Tensor:
    """numpy's sort is vectorised: 8 ms for 2 million values where torch's takes 173 (1 core with AVX-512)."""
    if values.device.type != "cpu":
        return values.sort().values
    values = values.clone()
    values.numpy().sort()
    return values


def _stable_order(values: Tensor) -> Tensor:
    """The indices that sort `values`, equal ones in their order.

    numpy has no fast stable sort, so on a CPU value and index are sorted as one integer: the float's bits
    above, as the integer that compares like it, the index below.
    """
    if values.device.type != "cpu":
        return values.sort(stable=True).indices
    bits = (values + 0.0).view(torch.int32)  # -0.0 becomes 0.0, its equal
    keys = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long().bitwise_left_shift_(32)
    keys |= torch.arange(values.numel())
    keys.numpy().sort()
    return keys.bitwise_and_(0xFFFFFFFF)
