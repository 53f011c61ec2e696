"""`compare --html`: what is on the page, from both files and their numbers. No torch."""

import platform
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from seedvr2_cli._version import __version__
from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.files import output_error, whole_file
from seedvr2_cli.base.units import say_bytes, say_psnr, say_rate
from seedvr2_cli.compare.curve import Curve
from seedvr2_cli.compare.embed import Embedded, Embedder
from seedvr2_cli.compare.html import Page, Shown, Tile, render
from seedvr2_cli.compare.metrics import ClipScore
from seedvr2_cli.compare.sheet import spread
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.pipeline.pairs import Pairs, doubts

OPTION = "--html"
WORST, SPREAD = 6, 6  # frames that have pictures, beside the one of the largest error


@dataclass(frozen=True)
class Measured:
    """All the numbers of a comparison. vmaf: None where there is none. curve: every frame's."""

    score: ClipScore
    vmaf: float | None
    curve: Curve


def write_page(path: Path, pairs: Pairs, measured: Measured, *, overwrite: bool, reporter: Reporter) -> int:
    """Write the page, whole or not at all; `pairs` has been read once. Returns the number of frames that have
    pictures on it. Raises MediaError and OutputError."""
    embedded, times = _pictures(pairs, measured, reporter)
    page = _page(pairs, measured, embedded, times)
    with whole_file(path, overwrite=overwrite, option=OPTION) as temporary:
        try:
            temporary.write_text(render(page), encoding="utf-8", newline="\n")
        except OSError as error:
            raise output_error(path, error, OPTION) from error
    count = len(page.shown)
    held = f"{count} frames with pictures, {say_bytes(path.stat().st_size)}"
    reporter.emit(Line("Page", f"{path}: {held}", ok=True))
    return count


def _by_weight(measured: Measured) -> list[int]:
    """The frames to show, those first that must not be missing."""
    score = measured.score
    worst = [frame.index for frame in measured.curve.worst(WORST)]
    largest = [] if score.equal else [score.largest.frame]
    return list(dict.fromkeys([*worst, *largest, *spread(score.frames, SPREAD)]))


def _pictures(pairs: Pairs, measured: Measured, reporter: Reporter) -> tuple[Embedded, dict[int, float]]:
    """The pictures, and the seconds after the first frame at which they stand."""
    weighed = _by_weight(measured)
    chosen, times = sorted(weighed), {}
    with (
        TemporaryDirectory(prefix="seedvr2.") as folder,
        Embedder(pairs.files[0], len(chosen), Path(folder), pairs.ffmpeg) as embedder,
        closing(iter(pairs)) as frames,
    ):
        for pair in islice(frames, chosen[-1] + 1):
            if pair.index in chosen:
                embedder.add(pair.index, pair.a, pair.b)
                times[pair.index] = float(pair.time)
            reporter.emit(Progress("Page", pair.index + 1, chosen[-1] + 1))
        return embedder.finish(weighed), times


def _page(pairs: Pairs, measured: Measured, embedded: Embedded, times: dict[int, float]) -> Page:
    a, b = pairs.files
    still = a.still and b.still
    shown = [
        Shown(score=measured.curve[frame], seconds=None if still else times[frame], pictures=pictures)
        for frame, pictures in embedded.pictures.items()
    ]
    return Page(
        names=(a.path.name, b.path.name),
        tiles=list(_tiles(measured)),
        warnings=(*doubts(pairs), *pairs.complaints),
        size=(max(1, round(a.video.width * a.video.sar)), a.video.height),
        mime=embedded.form.mime,
        note=_note(embedded, a),
        shown=shown,
        worst=measured.curve.worst(WORST),
        curve=measured.curve,
        files=list(_file_rows(pairs)),
        facts=list(_facts(pairs, measured)),
    )


def _tiles(measured: Measured) -> Iterator[Tile]:
    score = measured.score
    yield Tile("PSNR", say_psnr(None if score.equal else score.psnr), "pooled over the whole clip")
    yield Tile("SSIM", "none" if score.ssim is None else f"{score.ssim:.5f}", "mean of all frames")
    yield Tile(
        "VMAF", "none" if measured.vmaf is None else f"{measured.vmaf:.2f}", "of 100, A is the reference"
    )
    if score.equal:
        yield Tile("Largest error", "0", "no sample differs")
        return
    error, worst = score.largest, score.worst[0]
    place = f"frame {error.frame}, x {error.x}, y {error.y}, {error.channel}"
    yield Tile("Largest error", f"{error.levels} of {score.peak}", place)
    if score.frames > 1:
        yield Tile("Worst frame", str(worst.index), say_psnr(worst.psnr))


def _note(embedded: Embedded, like: MediaInfo) -> str:
    """How the pictures were made, since they are not the frames themselves."""
    parts = [f"The pictures are {embedded.form}"]
    if like.video.depth > 8:
        parts.append("rounded to 8 bits")
    if embedded.scale > 1:
        parts.append(f"each pixel the mean of {embedded.scale}x{embedded.scale} of the frame's")
    return f"{', '.join(parts)}; all numbers are those of the whole frames."


def _file_rows(pairs: Pairs) -> Iterator[tuple[str, str, str]]:
    (a, b), (count_a, count_b) = pairs.files, pairs.counts
    rows: dict[str, Callable[[MediaInfo], str]] = {
        "File": lambda info: info.path.name,
        "Size": lambda info: say_bytes(info.size_bytes),
        "Picture": lambda info: f"{info.video.width}x{info.video.height}",
        "Codec": lambda info: f"{info.video.codec}, {info.video.pix_fmt}",
        "Container": lambda info: info.container,
        "Rate": _say_rate,
        "Color": _say_color,
    }
    for name, say in rows.items():
        yield name, say(a), say(b)
    yield "Frames", str(count_a), str(count_b)


def _say_rate(info: MediaInfo) -> str:
    if info.still:
        return "one picture"
    rate = info.video.rate
    exact = "" if rate.denominator == 1 else f" ({say_rate(rate)})"
    return f"{float(rate):.6g} fps{', variable' if info.video.variable_rate else exact}"


def _say_color(info: MediaInfo) -> str:
    color = info.video.color
    spans = {True: "full range", False: "limited range", None: None}
    said = [color.matrix, color.primaries, color.transfer, spans[color.full_range]]
    return ", ".join(dict.fromkeys(filter(None, said))) or "not tagged"


def _facts(pairs: Pairs, measured: Measured) -> Iterator[tuple[str, str]]:
    score = measured.score
    yield "Compared", "1 frame" if score.frames == 1 else f"{score.frames} frames, counted from 0"
    yield "PSNR", f"of R'G'B' in full precision, against a peak of {score.peak}"
    yield "SSIM", "of luma, 11x11 Gaussian window"
    yield "VMAF", "of ffmpeg's libvmaf" if measured.vmaf is not None else "left out"
    yield (
        "Made by",
        f"seedvr2 {__version__}, ffmpeg {pairs.ffmpeg.version}, Python {platform.python_version()}",
    )
    yield "Made at", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
