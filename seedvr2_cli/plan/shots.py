"""Shots: the runs of frames between cuts, and how many latents each becomes."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.slices import latent_count, padded_count

GROUP = 4  # frames of a latent, but for a shot's first, which is one frame alone


@dataclass(frozen=True)
class Shot:
    """The frames first..stop of a film, counted from 0; nothing in a shot is seen from another."""

    first: int
    stop: int

    @property
    def frames(self) -> int:
        """How many there are, at least 1."""
        return self.stop - self.first

    @property
    def latents(self) -> int:
        """How many latents they become."""
        return latent_count(self.frames, GROUP)


def shots_of(starts: Iterable[int], frames: int) -> tuple[Shot, ...]:
    """The shots of a film of `frames` frames. starts: the first frame of each, in order; 0 may be left out.

    Raises UsageError where a start is beyond the last frame, or not behind the one before it.
    """
    bounds = [0, *(start for start in starts if start)]
    for before, start in pairwise(bounds):
        if start <= before:
            raise UsageError(f"a shot cannot begin at frame {start}, behind one that begins at {before}")
        if start >= frames:
            raise UsageError(f"a shot cannot begin at frame {start}: the film has {frames}, counted from 0")
    return tuple(Shot(first, stop) for first, stop in pairwise([*bounds, frames]))


def filled_indices(frames: int) -> list[int]:
    """Which frame of a shot stands at each place once it is brought to 4 n + 1 frames at its end.

    By reflection, the last frame not repeated: 0 1 2 | 1 0. Two frames are too few to reflect, and are held:
    0 1 | 1 1 1. One frame stays alone. Source: spec/dit.md 7.1, which the public tool follows too.
    """
    missing = padded_count(frames, GROUP) - frames
    shown = list(range(frames))
    if missing < frames:
        return shown + shown[::-1][1 : missing + 1]
    return shown + shown[:0:-1] + [frames - 1] * (missing - frames + 1)
