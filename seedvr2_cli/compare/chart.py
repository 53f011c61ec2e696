"""A curve as SVG that fits any width: places are percentages, so that lines stretch and letters do not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from seedvr2_cli.compare.curve import Point

_BREADTH, _DEPTH = 1000, 100  # the curve's own units, stretched to the chart
_TICKS = 4
_HEADROOM = 0.16  # of the height, above the values: where frames stand that are equal


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What is drawn. title: `PSNR in dB`; text: what it shows, for those who cannot see it. frames: of the
    clip. marked: frames that have a picture. name: of its parts in the page. least: the smallest distance of
    two lines that are named."""

    name: str
    title: str
    text: str
    points: Sequence[Point]
    frames: int
    marked: Sequence[Point]
    least: float


def svg(chart: Chart) -> str:
    """The chart as an element `<svg>`. Infinite values stand at its upper edge, which is named `equal`."""
    scale = _Scale([point.value for point in chart.points], chart.least)
    heading = f"{chart.name}-title"
    parts = [
        f'<svg class="chart" id="{chart.name}" role="img" aria-labelledby="{heading} {chart.name}-text">',
        f'<title id="{heading}">{escape(chart.title)}</title>',
        f'<desc id="{chart.name}-text">{escape(chart.text)}</desc>',
        *(_level(f"{tick:.{scale.digits}f}", scale.place(tick)) for tick in scale.ticks),
    ]
    if scale.has_infinite:
        parts.append(_level("equal", 0))
    places = [(_across(point, chart.frames), scale.place(point.value)) for point in chart.points]
    line = " ".join(f"{x * _BREADTH:.1f},{y * _DEPTH:.2f}" for x, y in places)
    parts.append(f'<svg viewBox="0 0 {_BREADTH} {_DEPTH}" preserveAspectRatio="none" class="plane">')
    parts.append(f'<polyline class="curve" points="{line}"/></svg>')
    for point in chart.marked:
        x, y = _across(point, chart.frames), scale.place(point.value)
        parts.append(f'<circle class="mark" cx="{x:.2%}" cy="{y:.2%}" r="4"/>')
    parts.append('<line class="cursor" y1="0" y2="100%" hidden=""/><circle class="cursor" r="5" hidden=""/>')
    return "\n".join([*parts, "</svg>"])


def _across(point: Point, frames: int) -> float:
    """0 (left) to 1."""
    return point.frame / max(frames - 1, 1)


def _level(label: str, place: float) -> str:
    y = f"{place:.2%}"
    return (
        f'<line class="level" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        f'<text class="tick" x="-8" y="{y}" dy="0.32em" text-anchor="end">{label}</text>'
    )


class _Scale:
    """Values to places from 0 (the upper edge) to 1."""

    def __init__(self, values: Sequence[float], least: float) -> None:
        finite = [value for value in values if math.isfinite(value)]
        self.has_infinite = len(finite) < len(values)
        step = _step(max(finite) - min(finite), least) if finite else 1.0
        self.ticks = _ticks(min(finite), max(finite), step) if finite else []
        self.digits = max(0, -math.floor(math.log10(step) + 1e-9))

    def place(self, value: float) -> float:
        """Where a value stands."""
        if not math.isfinite(value):
            return 0.0
        top = _HEADROOM if self.has_infinite else 0.0
        return 1 - (1 - top) * (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])


def _step(span: float, least: float) -> float:
    """1, 2 or 5 times a power of ten, so that few of them make up the span."""
    rough = max(span / _TICKS, least)
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _ticks(low: float, high: float, step: float) -> list[float]:
    """Multiples of the step from below `low` to above `high`, at least two."""
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]
