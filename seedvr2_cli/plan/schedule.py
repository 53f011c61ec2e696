"""The times of sampling and what is done at them: straight lines between latent and noise.

x_t = (1 - t/T) x_0 + (t/T) x_T, and the network predicts v = x_T - x_0. Source: spec/dit.md 5.

Arithmetic alone: values may be numbers, arrays or tensors.
"""

from typing import Any, TypeVar

from seedvr2_cli.base.errors import UsageError

T = 1000.0  # the time of pure noise

Value = TypeVar("Value", bound=Any)

# (pixels, factor) at two sizes each, through which the factor of the timestep shift is a line
_IMAGE = ((256 * 256, 1.0), (1024 * 1024, 3.2))
_VIDEO = ((256 * 256 * 37, 1.0), (1280 * 720 * 145, 5.0))


def sampling_times(steps: int) -> tuple[float, ...]:
    """The times at which the network is asked, from T down. Raises UsageError for less than one step."""
    if steps < 1:
        raise UsageError(f"{steps} steps are nothing", where="--steps", do="give 1, for which it was trained")
    return tuple(T * (1 - k / steps) for k in range(steps))


def euler_step(x: Value, v: Value, time: float, later: float) -> Value:
    """x at time `later`, from x and the network's v at `time`; 0 is the finished latent.

    The published form, (1 - s/T) x_0 + (s/T) x_T of the x_0 and x_T that v stands for, is this line.
    """
    stepped: Value = x - v * ((time - later) / T)
    return stepped


def mixed(latent: Value, noise: Value, time: float) -> Value:
    """The latent as it stands at a time: with that much noise in it."""
    there: Value = latent * (1 - time / T) + noise * (time / T)
    return there


def shifted_time(time: float, size: tuple[int, int, int]) -> float:
    """The time at which noise is mixed into the condition, moved by the size of the clip.

    size: (T, H, W) in latents. The public tools pass (H, W, channels) here, which gives t = 356 for 121 at
    1080p (spec/dit.md 11).
    """
    latents, height, width = size
    frames = 4 * (latents - 1) + 1
    pixels = 64 * height * width * frames
    (small, least), (large, most) = _IMAGE if frames == 1 else _VIDEO
    factor = least + (pixels - small) * (most - least) / (large - small)  # not clamped, as published
    u = time / T
    return T * factor * u / (1 + (factor - 1) * u)
