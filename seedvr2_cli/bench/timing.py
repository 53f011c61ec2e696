"""Times of several variants of one job, taken in turn so that the machine's moods hit all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Times:
    """Wall seconds of each counted run of a variant."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """Fastest and slowest run."""
        return min(self.seconds), max(self.seconds)


def interleaved(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Run every variant once uncounted, then all of them `rounds` times in turn: A B A B ..."""
    for job in variants.values():
        job()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, job in variants.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    return {name: Times(tuple(taken)) for name, taken in seconds.items()}


def ratio(slow: Times, fast: Times) -> float:
    """Median of the ratios round by round: how many times faster `fast` is."""
    return statistics.median(a / b for a, b in zip(slow.seconds, fast.seconds, strict=True))


def record_of(name: str, dtype: str, times: Times, pixels: int) -> dict[str, Any]:
    """What was measured, in microseconds per pixel and frame. pixels: of all frames."""
    low, high = times.spread
    return {
        "name": name,
        "dtype": dtype,
        "us_per_pixel_frame": round(times.median / pixels * 1e6, 3),
        "fastest": round(low / pixels * 1e6, 3),
        "slowest": round(high / pixels * 1e6, 3),
        "rounds": len(times.seconds),
    }
