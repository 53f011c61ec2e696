"""How a film is cut in time: its shots, and the windows of each that fit the memory there is."""

from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import DeviceError, UsageError
from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.media.probe import frame_times
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.options import MemoryOptions, TimeOptions
from seedvr2_cli.pipeline.planning import budget_of
from seedvr2_cli.pipeline.shots import count_frames, look_for_shots
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscaling.transformer import Restorer
from seedvr2_cli.plan.padding import Padding
from seedvr2_cli.plan.shots import GROUP, Shot, shots_of
from seedvr2_cli.plan.windows import TimePlan, frames_of, least_limit
from seedvr2_cli.shots.cuts_file import read_cuts
from seedvr2_cli.shots.find import Detector, choose_detector

Cutter = Detector | Path | None  # what finds the shots, or the list of them; None for a picture


def check_readable(source: MediaSource) -> None:
    """Raise UsageError for what can be read once alone: shots and color take readings of their own."""
    if source.info.piped:
        what = "upscale reads its input more than once, and a pipe can be read once"
        raise UsageError(what, where="-", do="give a file")


def choose_cutter(source: MediaSource, options: TimeOptions) -> Cutter:
    """What tells the shots of a source. Raises UsageError for a list that is none, now and not after loading
    a model."""
    if source.still:
        return None
    if options.cuts is None:
        return choose_detector(options.detector)
    read_cuts(options.cuts)
    return options.cuts


def film_shots(
    source: MediaSource, cutter: Cutter, reporter: Reporter, clock: StageClock
) -> tuple[Shot, ...]:
    """The shots of a source; it is read for that, in small frames, and its frames are counted.

    Raises UsageError for a list of other frames than the source has, and MediaError.
    """
    if cutter is None:
        return (Shot(0, 1),)
    if isinstance(cutter, Detector):
        return tuple(found.shot for found in look_for_shots(source, cutter, reporter, clock))
    frames = count_frames(source, reporter, clock)
    return shots_of(read_cuts(cutter, frames), frames)


def frames_before(source: MediaSource, time: Fraction) -> int:
    """How many of the frames that are read stand before `time` (seconds after the source's first)."""
    video, cut = source.info.video, source.cut
    if video.variable_rate:
        return sum(cut.holds(place) and place < time for place in frame_times(source.info))
    return ceil((time - cut.first(video)) * video.rate)


def window_budget(memory: MemoryOptions, device: Device) -> int | None:
    """Bytes that the work on a window may take; on a GPU half of what there is, since the weights of the
    transformer are to stay there too."""
    budget = budget_of(memory, device)
    return budget if budget is None or device.kind == "cpu" else budget // 2


def time_plan(
    shots: tuple[Shot, ...],
    options: TimeOptions,
    restorer: Restorer,
    size: tuple[int, int],
    budget: int | None,
) -> TimePlan:
    """The windows of every shot. size: (height, width) in latents; budget: bytes for a window's work.

    Raises UsageError where a window is too short to overlap, DeviceError where one cannot fit.
    """
    longest = max(shot.latents for shot in shots)
    if options.window is not None:
        plan = TimePlan(shots, (options.window - 1) // GROUP + 1, options.overlap)
        takes = restorer.window_bytes((largest(plan), *size))
        if budget is not None and takes > budget:
            raise _too_large(largest(plan), takes, budget, f"--window {options.window}", "give a smaller one")
        return plan
    limit = longest if budget is None else _most(longest, restorer, size, budget)
    least = min(longest, least_limit(options.overlap))
    if limit < least:
        takes = restorer.window_bytes((least, *size))
        ways = "ask for fewer pixels" + (", or a smaller --overlap" if options.overlap else "")
        raise _too_large(least, takes, budget or 0, "--memory-budget", ways)
    return TimePlan(shots, limit, options.overlap)


def say_target(padding: Padding, reporter: Reporter) -> None:
    """What size comes out, and what the model sees."""
    (width, height), (wide, high) = padding.size, padding.padded
    padded = f", padded to {wide}x{high} for the model" if padding.size != padding.padded else ""
    reporter.emit(Line("Plan", f"target {width}x{height}{padded}"))


def say_times(times: TimePlan, takes: int, reporter: Reporter) -> None:
    """How many shots and windows there are. takes: bytes of the largest window."""
    shots, units, frames = len(times.shots), len(times.units), times.shots[-1].stop
    counts = ((frames, "frame"), (shots, "shot"), (units, "window"))
    parts = [f"{count} {what}" if count == 1 else f"{count} {what}s" for count, what in counts]
    if units > shots:
        parts.append(f"neighbours share {times.share} latents")
    of = f"the largest of {frames_of(largest(times))} frames"
    parts.append(f"{of} takes about {say_bytes(takes)} in the transformer")
    reporter.emit(Line("Plan", ", ".join(parts)))


def largest(times: TimePlan) -> int:
    """The latents of the longest window."""
    return max(unit.window.latents for unit in times.units)


def describe_times(times: TimePlan) -> dict[str, Any]:
    """Shots as (first frame, frames, windows), for the report."""
    return {
        "shots": [[shot.first, shot.frames, len(times.windows(shot))] for shot in times.shots],
        "window_frames": frames_of(largest(times)),
        "shared_latents": times.share,
    }


def _most(longest: int, restorer: Restorer, size: tuple[int, int], budget: int) -> int:
    """The most latents, up to longest, whose window fits; 0 where none does."""
    fits, too_many = 0, longest + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if restorer.window_bytes((middle, *size)) <= budget:
            fits = middle
        else:
            too_many = middle
    return fits


def _too_large(latents: int, takes: int, budget: int, where: str, ways: str) -> DeviceError:
    what = (
        f"a window of {frames_of(latents)} frames takes about {say_bytes(takes)}, beyond {say_bytes(budget)}"
    )
    return DeviceError(what, where=where, do=f"give --memory-budget {say_bytes(takes + (1 << 20))}, {ways}")
