"""`compare`: how close two files are, in numbers, on a contact sheet and on a page. No torch."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import CheckFailed, UsageError
from seedvr2_cli.base.events import Level, Line, Progress, Reporter
from seedvr2_cli.base.files import check_output, refuse_input
from seedvr2_cli.base.units import say_number, say_psnr, say_seconds
from seedvr2_cli.compare.curve import Curve
from seedvr2_cli.compare.metrics import ClipScore, Tally, frame_psnr
from seedvr2_cli.compare.sheet import Cells, cells, contact_sheet, gain_for, spread
from seedvr2_cli.compare.vmaf import Vmaf, why_not
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.yuv import real_color
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.compare_page import OPTION, Measured, write_page
from seedvr2_cli.pipeline.media_facts import media_facts, say_video
from seedvr2_cli.pipeline.options import CompareOptions, as_settings
from seedvr2_cli.pipeline.pairs import Files, Pairs, doubts
from seedvr2_cli.pipeline.png import write_png
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport


def compare(options: CompareOptions, listener: Reporter) -> RunReport:
    """Run the command; facts has the numbers. Raises UsageError, MediaError and OutputError.

    Whether they suffice for --min-psnr is `too_far`'s to say.
    """
    reporter, clock = Recorder(listener), StageClock()
    ffmpeg = describe(find_ffmpeg())
    files = _look_at(options, ffmpeg, reporter)
    sheet = _check_sheet(options)
    _check_page(options)
    began = time.perf_counter()
    pairs = Pairs(files, ffmpeg)
    measured = _measure(pairs, clock, reporter)
    score = measured.score
    for text in doubts(pairs):
        reporter.emit(Line("Compare", text, level=Level.WARNING))
    said = "1 frame compared" if score.frames == 1 else f"{score.frames} frames compared"
    if sheet is not None:
        with clock.stage("sheet"):
            count = _write_sheet(sheet, pairs, score, overwrite=options.overwrite)
        clock.count("sheet", count)
        said = f"{sheet}: contact sheet of {count}, {said}"
    if options.html is not None:
        with clock.stage("page"):
            count = write_page(options.html, pairs, measured, overwrite=options.overwrite, reporter=reporter)
        clock.count("page", count)
    seconds = time.perf_counter() - began
    rate = say_number(score.frames / seconds)
    reporter.say_end(pairs.complaints, f"{said}, in {say_seconds(seconds)} ({rate} fps)", clock.stages)
    return RunReport(
        command="compare",
        input={"a": media_facts(files[0]), "b": media_facts(files[1])},
        settings=as_settings(options),
        device={},
        plan={},
        stages=clock.stages,
        warnings=reporter.warnings,
        outputs=tuple(str(path) for path in (sheet, options.html) if path is not None),
        facts=_facts(measured),
    )


def too_far(options: CompareOptions, report: RunReport) -> CheckFailed | None:
    """The error that --min-psnr asks for, None where b is close enough to a."""
    psnr = report.facts["psnr_db"]
    if options.min_psnr is None or psnr is None or psnr >= options.min_psnr:
        return None
    return CheckFailed(
        f"{psnr:.4f} dB against {options.a}, less than --min-psnr {options.min_psnr:g}", where=options.b
    )


def _look_at(options: CompareOptions, ffmpeg: FFmpeg, reporter: Reporter) -> Files:
    a, b = probe(options.a, ffmpeg), probe(options.b, ffmpeg)
    for name, info in (("A", a), ("B", b)):
        reporter.emit(Line(name, f"{info.path.name}: {say_video(info)}"))
    sizes = [f"{info.video.width}x{info.video.height}" for info in (a, b)]
    if sizes[0] != sizes[1]:
        what = f"is {sizes[1]}, {options.a} is {sizes[0]}"
        raise UsageError(what, where=options.b, do="scale one of them first")
    return a, b


def _check_sheet(options: CompareOptions) -> Path | None:
    """The sheet's name, None where none is wanted. Raises OutputError where it could not be written."""
    if not options.sheet:
        return None
    sheet = options.output or options.b.with_name(f"{options.b.stem}.sheet.png")
    refuse_input(sheet, options.a)
    check_output(sheet, options.b, overwrite=options.overwrite)
    return sheet


def _check_page(options: CompareOptions) -> None:
    """Raise OutputError where the page could not be written."""
    if options.html is not None:
        refuse_input(options.html, options.a, OPTION)
        check_output(options.html, options.b, overwrite=options.overwrite, option=OPTION)


def _measure(pairs: Pairs, clock: StageClock, reporter: Reporter) -> Measured:
    """All the numbers, in one pass over both files."""
    tally, curve, value = Tally(), Curve(), None
    size = (pairs.files[0].video.width, pairs.files[0].video.height)
    why = why_not(pairs.ffmpeg, size)
    with ExitStack() as owned:
        frames = owned.enter_context(closing(iter(pairs)))
        vmaf = None if why else owned.enter_context(_vmaf(pairs, size))
        for count, pair in enumerate(clock.over("read", frames), start=1):
            with clock.stage("measure"):
                curve.add(tally.add(pair.a, pair.b))
            if vmaf is not None:
                with clock.stage("vmaf"):
                    vmaf.add(pair.a, pair.b)
            for stage in ("read", "measure", "vmaf"):
                clock.count(stage, count)
            reporter.emit(Progress("Compare", count, pairs.total))
        if vmaf is not None:
            with clock.stage("vmaf"):
                value, why = vmaf.score()
    if value is None:
        reporter.emit(Line("Compare", f"VMAF is left out: {why}"))
    return Measured(tally.score(), value, curve)


def _vmaf(pairs: Pairs, size: tuple[int, int]) -> Vmaf:
    reference, other = pairs.files
    depth = max(reference.video.depth, other.video.depth)
    return Vmaf(pairs.ffmpeg, size, depth, real_color(reference))


def _facts(measured: Measured) -> dict[str, Any]:
    """The numbers for the report. JSON has no infinity: equal files have no PSNR."""
    score = measured.score
    worst = score.worst[0]
    shown = {"frame": worst.index, "psnr_db": _finite(worst.psnr), "ssim": worst.ssim}
    return {
        "frames": score.frames,
        "equal": score.equal,
        "peak": score.peak,
        "psnr_db": _finite(score.psnr),
        "ssim": score.ssim,
        "vmaf": measured.vmaf,
        "max_error": None if score.equal else asdict(score.largest),
        "worst_frame": None if score.equal else shown,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _write_sheet(path: Path, pairs: Pairs, score: ClipScore, *, overwrite: bool) -> int:
    """Write the contact sheet, whole or not at all. Returns the number of frames on it."""
    gain = gain_for(score.rms)
    rows = list(_rows(pairs, score, gain))
    names = [f"{name} {info.path.name}" for name, info in zip("AB", pairs.files, strict=True)]
    picture = contact_sheet(rows, [*names, f"difference x{gain}"])
    write_png(path, picture, pairs.files[0], pairs.ffmpeg, overwrite=overwrite)
    return len(rows)


def _rows(pairs: Pairs, score: ClipScore, gain: int) -> Iterator[Cells]:
    """The worst frames and some evenly spread ones, in order."""
    worst = [] if score.equal or score.frames == 1 else [frame.index for frame in score.worst]
    chosen = sorted({*worst, *spread(score.frames)})
    with closing(iter(pairs)) as frames:
        for pair in islice(frames, chosen[-1] + 1):
            if pair.index in chosen:
                label = f"frame {pair.index}: {say_psnr(_finite(frame_psnr(pair.a, pair.b)))}"
                yield cells(f"{label}, worst" if pair.index in worst[:1] else label, pair.a, pair.b, gain)
