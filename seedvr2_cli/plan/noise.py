"""The noise that the transformer starts from: the same for a latent frame in every window and every run.

Each latent frame has a generator of its own, keyed by (seed, first frame of its shot, place in the shot). So
windows that share a latent see the same noise there, and a run that is taken up again sees the same as one
that was never stopped. A shot goes by its first frame and not by its number: a cut that is added or removed
changes the noise of the shots it touches, and of no other.

The words come from Philox, whose stream numpy promises to keep; its `standard_normal` and torch's `randn` are
promised by nobody across versions, so the step to a normal distribution is done here, in float64.
"""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.plan.windows import Window

CHANNELS = 16


def window_noise(seed: int, shot: Shot, window: Window, size: tuple[int, int]) -> NDArray[np.float32]:
    """N(0, 1) as float32, (T, H, W, 16), for a window of a shot. size: (height, width) in latents."""
    height, width = size
    noise = np.empty((window.latents, height, width, CHANNELS), np.float32)
    for frame, latent in zip(noise, range(window.start, window.stop), strict=True):
        frame[...] = latent_noise(seed, shot.first, latent, frame.size).reshape(frame.shape)
    return noise


def latent_noise(seed: int, first: int, latent: int, count: int) -> NDArray[np.float32]:
    """`count` values for one latent of the shot that begins at frame `first`; seed: any whole number."""
    pairs = (count + 1) // 2
    words = _words(f"seedvr2 noise {seed} {first} {latent}", 2 * pairs)
    uniform = ((words >> np.uint64(11)) + 1) * 2.0**-53  # in (0, 1]: its logarithm is finite
    radius = np.sqrt(-2 * np.log(uniform[:pairs]))
    angle = (2 * np.pi) * uniform[pairs:]
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    return normal[:count].astype(np.float32)


def _words(name: str, count: int) -> NDArray[np.uint64]:
    """Random words of a stream of that name; no two names share one, but for a collision of 128 bits."""
    key = int.from_bytes(sha256(name.encode()).digest()[:16], "little")
    return np.random.Philox(key=key).random_raw(count)
