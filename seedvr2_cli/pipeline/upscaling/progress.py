"""How far a film is, by the units that are kept. No torch."""

from collections.abc import Callable
from dataclasses import dataclass

from seedvr2_cli.pipeline.upscaling.keys import frames_key
from seedvr2_cli.plan.segments import segments_of
from seedvr2_cli.plan.windows import TimePlan


@dataclass(frozen=True)
class Done:
    """How many frames, shots and windows are finished; those of a finished shot count, kept or not."""

    frames: int
    shots: int
    windows: int


def count_done(times: TimePlan, length: int, is_kept: Callable[[str], bool]) -> Done:
    """What is finished. length: of a segment, in latents; is_kept: whether what goes by a key is there."""
    frames = shots = windows = 0
    for shot in times.shots:
        spans = [part.frames for part in segments_of(shot, length)]
        kept = [span for span in spans if is_kept(frames_key(span))]
        whole = len(kept) == len(spans)
        units = times.units_of(shot)
        frames += sum(span.frames for span in kept)
        shots += whole
        windows += len(units) if whole else sum(is_kept(unit.key) for unit in units)
    return Done(frames, shots, windows)
