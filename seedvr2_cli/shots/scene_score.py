"""ffmpeg's scene score: how much more a frame differs from the one before than that did from its own.

The formula of its filters `select` and `scdet`, on the frames that our reader gives. So frames are counted as
everywhere else, whatever an edit list or time stamps would make of them in a filter's log, and one small
reading serves both detectors.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.media.reader import Pixels

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # BT.709


def scene_scores(frames: Iterable[Pixels]) -> Iterator[float]:
    """For each frame, in order: 0 for the same picture as before, towards 1 for the first of a new shot.

    frames: (H, W, 3) uint8. With m the mean absolute difference of luma from the frame before, in levels of
    255, the score is min(m, |m - m of the frame before|) / 100, at most 1. Luma has the full range here; in a
    film of limited range ffmpeg's own numbers are 0.86 of these.
    """
    before: NDArray[np.float32] | None = None
    last = 0.0
    for frame in frames:
        luma = frame.astype(np.float32) @ _LUMA
        change = 0.0 if before is None else float(np.abs(luma - before).mean())
        yield min(change, abs(change - last), 100.0) / 100
        before, last = luma, change
