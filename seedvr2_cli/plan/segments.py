"""A long clip in segments that are kept alone: how many latents each has, and which frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from seedvr2_cli.plan.shots import GROUP, Shot

# A segment that is begun anew is decoded from `reach` latents before it. At three times that, half of one and
# the way there are five sixths of a segment: what a stop costs in the mean.
REACHES = 3
POOL = 5  # frames whose color may be taken together (color.correct): segments begin at a multiple of them


@dataclass(frozen=True)
class Segment:
    """The latents start..stop of a shot, counted from its first."""

    shot: Shot
    start: int
    stop: int

    @property
    def latents(self) -> int:
        """How many there are."""
        return self.stop - self.start

    @property
    def frames(self) -> Shot:
        """The film's frames that its latents stand for; a shot's last latent may stand for fewer."""
        first = self.shot.first + first_frame(self.start)
        return Shot(first, min(self.shot.stop, self.shot.first + first_frame(self.stop)))


def segment_latents(reach: int) -> int:
    """How many latents a segment has, but for the first and the last of a shot. reach: as `vae.reach` has it,
    the longer of both."""
    return -(-REACHES * reach // POOL) * POOL


def segments_of(shot: Shot, length: int) -> tuple[Segment, ...]:
    """A shot's segments in order: one, unless it is half as long again. length: by `segment_latents`."""
    starts = [0]
    for start in segment_starts(length):
        if start and shot.latents - start < length // 2:
            break
        if start:
            starts.append(start)
    return tuple(Segment(shot, *span) for span in zip(starts, [*starts[1:], shot.latents], strict=True))


def segment_starts(length: int) -> Iterator[int]:
    """The first latents of a clip's segments, without end: 0, then such that their first frame, 4 n - 3, is
    a multiple of POOL."""
    yield 0
    yield from (k * length + 2 for k in count(1))


def first_frame(latent: int) -> int:
    """The first of a latent's frames, in its clip."""
    return max(0, GROUP * latent - GROUP + 1)
