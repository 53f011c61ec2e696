"""Muon for kernels, Adam for the rest: an optimizer of two parts.

Muon: K. Jordan and others, https://kellerjordan.github.io/posts/muon (2024): momentum, then the nearest
orthogonal matrix by five Newton-Schulz steps.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
MOMENTUM, POWER = 0.95, 0.99  # how long gradients, and their squares, are remembered


class Muon:
    """For parameters of two or more dimensions, seen as (rows, everything else).

    An update is as large as the gradients of late agree, as Adam's is: where they are all noise, it is a
    sixth of the rate for each weight.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        groups: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
        for parameter in parameters:
            groups[len(parameter), parameter[0].numel()].append(parameter)
        self._groups = [
            (group, torch.zeros(len(group), *shape), torch.zeros(len(group)))
            for shape, group in groups.items()
        ]
        self._steps = torch.zeros(())

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter by at most `rate` for each weight (root mean square)."""
        self._steps += 1
        steps = float(self._steps)
        for group, momentum, power in self._groups:
            grads = torch.stack([parameter.grad.flatten(1) for parameter in group])
            momentum.lerp_(grads, 1 - MOMENTUM)
            power.lerp_(grads.square().sum((1, 2)), 1 - POWER)
            usual = (power / (1 - POWER**steps)).sqrt() * (1 - MOMENTUM**steps)
            agreement = (momentum.norm(dim=(1, 2)) / usual.clamp(min=1e-20)).clamp(max=1)
            update = orthogonal(grads.lerp(momentum, MOMENTUM))
            scale = rate * max(update.shape[1:]) ** 0.5 * agreement
            for parameter, change, size in zip(group, update, scale.tolist(), strict=True):
                parameter.add_(change.view_as(parameter), alpha=-size)

    def state(self) -> list[Tensor]:
        """What a checkpoint must hold."""
        return [self._steps, *(part for _, *parts in self._groups for part in parts)]


def orthogonal(matrices: Tensor) -> Tensor:
    """(N, rows, columns) -> about the nearest matrices whose singular values are one."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).float()
