"""How the latents of a shot are cut into windows that the transformer can take, and the plan of a whole run.

Windows of one shot are equally long and share latents, which are mixed before one decode: the join is then
0.15 levels of extra flicker where separate batches show 0.78 (spec/dit.md 7.2).
"""

from dataclasses import dataclass
from functools import cached_property

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.shots import GROUP, Shot


@dataclass(frozen=True)
class Window:
    """The latents start..stop of one shot, counted from its first."""

    start: int
    stop: int

    @property
    def latents(self) -> int:
        """How many there are."""
        return self.stop - self.start


@dataclass(frozen=True)
class Unit:
    """One call of the transformer: a window of a shot. Units can be worked off, kept and skipped alone.

    shot_index, window_index: places in the plan and in the shot, for people.
    """

    shot_index: int
    window_index: int
    shot: Shot
    window: Window

    @property
    def key(self) -> str:
        """What a finished unit is found by again, fit for a file name: `f23-70.l0-8`.

        It has the frames and not the place of the shot: cuts added or taken away elsewhere leave it as it is.
        """
        return f"f{self.shot.first}-{self.shot.stop}.l{self.window.start}-{self.window.stop}"


@dataclass(frozen=True)
class TimePlan:
    """A whole run in time. limit: the most latents of a window; share: latents that neighbours have in
    common, at least.

    Raises UsageError where the shots leave a gap, and where a window that is needed cannot fit.
    """

    shots: tuple[Shot, ...]
    limit: int
    share: int

    def __post_init__(self) -> None:
        stop = 0
        for shot in self.shots:
            if shot.first != stop or shot.frames < 1:
                raise UsageError(f"a shot of the frames {shot.first} to {shot.stop} cannot follow {stop}")
            stop = shot.stop
        for shot in self.shots:
            self.windows(shot)

    def windows(self, shot: Shot) -> tuple[Window, ...]:
        """The windows of a shot, in order."""
        return latent_windows(shot.latents, self.limit, self.share)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """All that is to be done, in order."""
        return tuple(
            Unit(shot_index, window_index, shot, window)
            for shot_index, shot in enumerate(self.shots)
            for window_index, window in enumerate(self.windows(shot))
        )

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each unit among all, by its key."""
        return {unit.key: place for place, unit in enumerate(self.units)}

    def units_of(self, shot: Shot) -> tuple[Unit, ...]:
        """Those of one shot, in order."""
        windows = self.windows(shot)
        first = self.places[Unit(0, 0, shot, windows[0]).key]
        return self.units[first : first + len(windows)]


def latent_windows(latents: int, limit: int, share: int) -> tuple[Window, ...]:
    """As few windows of at most `limit` latents as cover them, equally long; neighbours share `share` latents
    or one more.

    No latent is in three windows. Raises UsageError where limit is too small for that (`least_limit`); what
    fits into one window always does. Source: spec/dit.md 7.3.
    """
    if share < 0:
        raise UsageError(f"{share} latents cannot be shared", where="--overlap", do="give 0 or more")
    if latents <= limit:
        return (Window(0, latents),)
    if limit < least_limit(share):
        raise _too_short(limit, share)
    count = _divided_up(latents - share, limit - share)
    length = _divided_up(latents + (count - 1) * share, count)
    starts = [k * (latents - length) // (count - 1) for k in range(count)]
    return tuple(Window(start, start + length) for start in starts)


def least_limit(share: int) -> int:
    """The fewest latents that a window must be allowed so that any shot can be cut into windows.

    spec/dit.md says 2 (share + 2), which suffices for a share of up to 5: beyond, balanced windows can come
    out so much shorter than the limit that a third one reaches over (33 latents, limit 20, share 8).
    """
    return max(2 * (share + 2), 5 * share // 2 + 2)


def older_weights(shared: int) -> tuple[float, ...]:
    """The weight of the older of two windows on each latent they share, in order; the newer has the rest."""
    return tuple(1 - (i + 1) / (shared + 1) for i in range(shared))


def frames_of(latents: int) -> int:
    """The frames of a shot whose latents are these."""
    return GROUP * (latents - 1) + 1


def _divided_up(number: int, by: int) -> int:
    return -(-number // by)


def _too_short(limit: int, share: int) -> UsageError:
    least = least_limit(share)
    what = f"{limit} latents ({frames_of(limit)} frames) are too few to share {share} with both neighbours"
    do = f"give at least {frames_of(least)} frames" + (", or a smaller --overlap" if share else "")
    return UsageError(what, where="--window", do=do)
