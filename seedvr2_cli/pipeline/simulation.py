"""`plan --simulate`: a library of films that nobody has, on workers that are only numbers. No torch."""

import time
from dataclasses import dataclass
from typing import Any

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.pipeline.options import as_settings
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.plan.simulate import Farm, library, simulate

RATE = 24.0  # frames per second of the films
STEPS = 200  # of the course that a report holds


@dataclass(frozen=True, kw_only=True)
class SimulationOptions:
    """A library and a farm. minutes: of a film, in the mean. fps: frames per second that a worker makes.

    failures: of a worker in an hour of work; of ten, six are deaths, two hang, two give wrong results.
    """

    films: int = 10_000
    minutes: float = 10.0
    workers: int = 5_000
    fps: float = 1.0
    failures: float = 0.01
    seed: int = 1

    def __post_init__(self) -> None:
        for name, value in as_settings(self).items():
            if name not in ("failures", "seed") and value <= 0:
                raise UsageError(f"{value} is nothing", where=f"--{name}", do="give more than 0")
        if not 0 <= self.failures <= 60:
            raise UsageError(f"{self.failures} is no rate", where="--failures", do="give 0 to 60 an hour")

    @property
    def farm(self) -> Farm:
        """The workers: a fifth faster or slower than the mean, a minute to start, five to be replaced."""
        return Farm(
            workers=self.workers,
            seconds=1 / self.fps,
            spread=0.2,
            deaths=0.6 * self.failures,
            hangs=0.2 * self.failures,
            wrong=0.2 * self.failures,
            start_s=60.0,
            back_s=300.0,
            seed=self.seed,
        )


def simulation(options: SimulationOptions) -> RunReport:
    """Run it. The same options give the same report, but for the seconds it took."""
    began = time.perf_counter()
    out = simulate(library(options.films, options.minutes, options.seed, RATE), options.farm)
    facts: dict[str, Any] = {
        "films": options.films,
        "workers": options.workers,
        "shots": out.units,
        "frames": int(out.costs),
        "seconds": round(out.seconds, 1),
        "frames_per_second": round(out.costs / out.seconds, 3),
        "efficiency": round(out.efficiency(options.workers), 4),
        "lost_share": round(out.lost / (out.lost + out.worked), 5),
        "failures": out.failures,
        "failed_three_times": out.thrice,
        "steps": [[round(when), round(done)] for when, done in _thinned(out.steps)],
    }
    return RunReport(
        command="plan",
        input={},
        settings=as_settings(options),
        device={},
        plan={},
        stages=(("simulate", time.perf_counter() - began, int(out.costs)),),
        facts=facts,
    )


def _thinned(steps: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most STEPS of them, evenly."""
    return steps[:: max(1, -(-len(steps) // STEPS))]
