"""How long a film takes on so many workers, and what keeps it from being faster."""

from collections.abc import Sequence
from dataclasses import dataclass

from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.plan.simulate import makespan


@dataclass(frozen=True)
class Forecast:
    """On so many workers. times_faster: than on one; efficiency: times_faster by workers, at most 1.

    limit: what keeps it below. seconds: None where no rate was measured.
    """

    workers: int
    times_faster: float
    efficiency: float
    limit: str
    seconds: float | None


def forecasts(shots: Sequence[Shot], workers: Sequence[int], frame_s: float | None) -> tuple[Forecast, ...]:
    """What the scheduler that leads real workers makes of the shots.

    frame_s: seconds of a worker for a frame, None where that was not measured. A shot costs as its latents
    do. Loading the models, reading the source and writing the output are not in it.
    """
    costs = [float(shot.latents) for shot in shots]
    whole, longest = sum(costs), max(costs)
    frames = sum(shot.frames for shot in shots)
    found = []
    for count in workers:
        span = makespan(costs, count)
        found.append(
            Forecast(
                workers=count,
                times_faster=whole / span,
                efficiency=whole / span / count,
                limit=_limit(count, len(costs), span, longest),
                seconds=None if frame_s is None else frame_s * frames * span / whole,
            )
        )
    return tuple(found)


def worth_asking(shots: Sequence[Shot], most: int = 64) -> tuple[int, ...]:
    """1, 2, 4, 8 ... workers, up to the first number that the shots cannot use."""
    costs = [float(shot.latents) for shot in shots]
    useful = min(most, len(costs), -(-int(sum(costs)) // int(max(costs))))
    numbers = [1]
    while numbers[-1] < useful:
        numbers.append(2 * numbers[-1])
    return tuple(numbers)


def _limit(workers: int, shots: int, span: float, longest: float) -> str:
    if workers == 1:
        return "nothing"
    if workers > shots:
        return "there are fewer shots than workers"
    return "the longest shot" if span <= longest else "uneven ends"
