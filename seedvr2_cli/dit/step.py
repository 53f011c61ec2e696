"""From noise and a condition to a restored latent: the one step, or several.

Source: spec/dit.md 4 and 5. Latents here are scaled, channels last: the VAE's mean times its scaling factor.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.dit.condition import Condition
from seedvr2_cli.dit.config import OUT_CHANNELS
from seedvr2_cli.dit.model import DiT
from seedvr2_cli.plan.schedule import euler_step, sampling_times

Fold = Callable[[float], Condition]  # of a time; see `Folded`


class Folded:
    """The conditions of one text, each time folded once."""

    def __init__(self, dit: DiT, text: Tensor | None = None) -> None:
        """text: (L, txt_in_dim); None takes the model's own. Raises WeightsError where it has none."""
        self._dit = dit
        self._text = dit.own_text() if text is None else text
        self._made: dict[float, Condition] = {}

    def __call__(self, t: float) -> Condition:
        if t not in self._made:
            self._made[t] = self._dit.condition(self._text, t)
        return self._made[t]


def one_step(dit: DiT, noise: Tensor, condition: Tensor, text: Tensor | None = None) -> Tensor:
    """Restore one window. noise, condition: (T, H, W, 16), H and W even. Returns the same shape, float32.

    text: (L, txt_in_dim); None takes the model's own.
    """
    return sample(dit, noise, condition, Folded(dit, text))


def sample(
    dit: DiT,
    noise: Tensor,
    condition: Tensor,
    fold: Fold,
    steps: int = 1,
    tell: Callable[[], None] = lambda: None,
) -> Tensor:
    """`one_step`, or several Euler steps: off the path that the published models were trained on.

    tell: called when a block is done.
    """
    if noise.ndim != 4 or noise.shape != condition.shape or noise.shape[3] != OUT_CHANNELS:
        what = f"noise {tuple(noise.shape)} and condition {tuple(condition.shape)}"
        raise ShapeError(f"{what}, both (T, H, W, {OUT_CHANNELS}) expected", where="condition")
    x, fixed = (part.to(dit.device, torch.float32) for part in (noise, condition))
    mask = torch.ones_like(fixed[..., :1])
    times = sampling_times(steps)
    for t, after in zip(times, (*times[1:], 0.0), strict=True):
        velocity = dit.run(torch.cat([x, fixed, mask], dim=-1), fold(t), tell)
        x = euler_step(x, velocity, t, after)
    return x
