"""The page of a comparison: one file that needs nothing else and asks no network.

All text comes from outside and is escaped here. Beside that, the page's Content-Security-Policy allows no
address, and no script or style but the two of `assets`, by their hashes.
"""

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from seedvr2_cli._version import __version__
from seedvr2_cli.base.errors import one_line
from seedvr2_cli.base.units import say_psnr
from seedvr2_cli.compare.chart import Chart, svg
from seedvr2_cli.compare.curve import Curve, Point
from seedvr2_cli.compare.metrics import FrameScore

ASSETS = Path(__file__).parents[1] / "assets"
MAX_POINTS = 2000  # of a curve: more than any screen shows


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page. more: what belongs to it, in small letters."""

    name: str
    value: str
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A frame and its pictures, files of the page's type. seconds: after the first frame, None of a still."""

    score: FrameScore
    seconds: float | None
    pictures: tuple[bytes, bytes]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is on the page. names: of the files A and B. size: (width, height) of a picture in CSS pixels.

    mime: of the pictures; note: how they were made. shown: in order, one at least. worst: the frames of the
    lowest PSNR, lowest first. files: rows of (what, of A, of B); facts: rows of (what, value).
    """

    names: tuple[str, str]
    tiles: Sequence[Tile]
    warnings: Sequence[str]
    size: tuple[int, int]
    mime: str
    note: str
    shown: Sequence[Shown]
    worst: Sequence[FrameScore]
    curve: Curve
    files: Sequence[tuple[str, str, str]]
    facts: Sequence[tuple[str, str]]


def render(page: Page) -> str:
    """The whole page as text."""
    style, script = (_asset(f"compare.{kind}") for kind in ("css", "js"))
    return Template(_asset("compare.html")).substitute(
        version=__version__,
        title=_text(f"{page.names[0]} and {page.names[1]}, compared"),
        name_a=_text(page.names[0]),
        name_b=_text(page.names[1]),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        warnings=_list(page.warnings),
        tiles="\n".join(map(_tile, page.tiles)),
        options="\n".join(f"<option>{_text(_option(shown.score, page))}</option>" for shown in page.shown),
        pairs="\n".join(_pair(shown, page) for shown in page.shown),
        note=_text(page.note),
        curves=_curves(page),
        worst=_worst(page),
        files="\n".join(_row(row) for row in page.files),
        facts="\n".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in page.facts),
        data=_data(page),
    )


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    """Any text as HTML: without control and direction characters, without markup."""
    return escape(one_line(text), quote=True)


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f'<ul class="warnings" aria-label="Warnings">{items}</ul>' if lines else ""


def _tile(tile: Tile) -> str:
    more = f'<dd class="more">{_text(tile.more)}</dd>' if tile.more else ""
    return f'<div><dt>{_text(tile.name)}</dt><dd class="value">{_text(tile.value)}</dd>{more}</div>'


def _row(cells: Sequence[str]) -> str:
    name, *values = cells
    return f'<tr><th scope="row">{_text(name)}</th>{"".join(f"<td>{_text(v)}</td>" for v in values)}</tr>'


def _caption(shown: Shown, page: Page) -> str:
    """`Frame 63 at 2.625 s: 30.72 dB, SSIM 0.93100, the worst`."""
    score = shown.score
    time = "" if shown.seconds is None else f" at {shown.seconds:.3f} s"
    ssim = "" if score.ssim is None else f", SSIM {score.ssim:.5f}"
    return f"Frame {score.index}{time}: {_psnr(score)}{ssim}{_rank(score, page)}"


def _option(score: FrameScore, page: Page) -> str:
    """The same as short as a list wants it."""
    return f"Frame {score.index}: {_psnr(score)}{_rank(score, page)}"


def _psnr(score: FrameScore) -> str:
    return say_psnr(score.psnr if math.isfinite(score.psnr) else None)


def _rank(score: FrameScore, page: Page) -> str:
    return ", the worst" if page.worst[:1] == [score] else ""


def _pair(shown: Shown, page: Page) -> str:
    frame, (width, height) = shown.score.index, page.size
    pictures = "".join(
        f'<img alt="{name}, frame {frame}" width="{width}" height="{height}" decoding="async" '
        f'src="data:{page.mime};base64,{base64.b64encode(data).decode()}">'
        for name, data in zip("AB", shown.pictures, strict=True)
    )
    caption = f"<figcaption>{_text(_caption(shown, page))}</figcaption>"
    return (
        f'<figure class="pair" data-frame="{frame}"><div class="pictures">{pictures}</div>{caption}</figure>'
    )


def _curves(page: Page) -> str:
    """PSNR and SSIM frame by frame; nothing for a still."""
    frames = len(page.curve)
    if frames < 2:
        return ""
    group = page.curve.group(MAX_POINTS)
    which = "" if group == 1 else f"; each point is the lowest of {group} frames"
    plots = "".join(
        f'<figure class="plot"><figcaption>{heading}{which}</figcaption>{svg(chart)}</figure>'
        for heading, chart in _charts(page)
    )
    return f"""<section aria-labelledby="curves-title">
<h2 id="curves-title">Frame by frame</h2>
{plots}
<div class="axis" aria-hidden="true"><span>frame 0</span><span>{frames - 1}</span></div>
<div class="reader" hidden>
<label class="unseen" for="reader">Read the curves at a frame; Enter shows the nearest picture</label>
<input type="range" id="reader" min="0" max="{-(-frames // group) - 1}" value="0">
<output id="reading" for="reader"></output>
<p class="note">Circles are frames with a picture. Point at a curve to read it; a click shows the nearest.</p>
</div>
</section>"""


def _charts(page: Page) -> Iterator[tuple[str, Chart]]:
    """PSNR, and SSIM where there is one, each with what it is called."""
    frames = len(page.curve)
    for heading, points, least in (("PSNR in dB", page.curve.psnr, 0.1), ("SSIM", page.curve.ssim, 0.0001)):
        if every := points(frames):
            yield (
                heading,
                Chart(
                    name=heading.split()[0].lower(),
                    title=f"{heading} of {frames} frames",
                    text=_in_words(every),
                    points=points(MAX_POINTS),
                    frames=frames,
                    marked=[every[shown.score.index] for shown in page.shown],
                    least=least,
                ),
            )


def _in_words(points: Sequence[Point]) -> str:
    """What a curve shows, for those who cannot see it."""
    low, high = (choose(points, key=lambda point: point.value) for choose in (min, max))
    said = [
        f"{'equal' if math.isinf(point.value) else f'{point.value:.5g}'} in frame {point.frame}"
        for point in (low, high)
    ]
    return f"Lowest {said[0]}, highest {said[1]}."


def _worst(page: Page) -> str:
    if len(page.curve) < 2 or not page.worst:
        return ""
    pictured = {shown.score.index for shown in page.shown}
    return f"""<section aria-labelledby="worst-title">
<h2 id="worst-title">Worst frames</h2>
<div class="wide" role="region" aria-labelledby="worst-title" tabindex="0">
<table class="numbers">
<thead><tr><th scope="col">Frame</th><th scope="col">PSNR</th><th scope="col">SSIM</th><td></td></tr></thead>
<tbody>
{"".join(_worst_row(score, pictured) for score in page.worst)}
</tbody>
</table>
</div>
</section>"""


def _worst_row(score: FrameScore, pictured: set[int]) -> str:
    frame = score.index
    button = f'<button type="button" data-show="{frame}" aria-label="Show frame {frame}" hidden>Show</button>'
    ssim = "none" if score.ssim is None else f"{score.ssim:.5f}"
    cells = f"<td>{score.psnr:.2f} dB</td><td>{ssim}</td><td>{button if frame in pictured else ''}</td>"
    return f'<tr><th scope="row">{frame}</th>{cells}</tr>\n'


def _data(page: Page) -> str:
    """What the script reads: numbers alone, so that nothing in it can end its element."""
    pictured = [shown.score.index for shown in page.shown]
    worst = (score.index for score in page.worst if score.index in pictured)
    values = {
        "frames": len(page.curve),
        "group": page.curve.group(MAX_POINTS),
        "first": next(worst, pictured[0]),
        "psnr": _pairs(page.curve.psnr(MAX_POINTS), 2),
        "ssim": _pairs(page.curve.ssim(MAX_POINTS), 5) or None,
    }
    return json.dumps(values, separators=(",", ":"))


def _pairs(points: Iterable[Point], digits: int) -> list[tuple[int, float | None]]:
    """JSON has no infinity: None is for equal frames."""
    return [(p.frame, round(p.value, digits) if math.isfinite(p.value) else None) for p in points]
