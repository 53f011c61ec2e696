"""`shots`: where the shots of a film begin, as a table and as the list that `--cuts` takes."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Level, Line, Progress, Reporter
from seedvr2_cli.base.files import check_output, output_error, whole_file
from seedvr2_cli.base.units import say_number, say_seconds
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.reader import Frame, FrameReader
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.options import ShotsOptions, as_settings
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.shots.cuts_file import cuts_text
from seedvr2_cli.shots.find import SMALL, Detector, FoundShot, choose_detector, find_shots


def shots(options: ShotsOptions, listener: Reporter) -> RunReport:
    """Run the command; facts has the shots. Raises UsageError, MediaError, WeightsError and OutputError."""
    reporter, clock = Recorder(listener), StageClock()
    source = MediaSource(options.input, describe(find_ffmpeg()), options.reading)
    reporter.emit(Line("Input", source.line))
    if options.output is not None:
        check_output(options.output, options.input, overwrite=options.overwrite)
    detector = choose_detector(options.detector, options.threshold)
    began = time.perf_counter()
    found = look_for_shots(source, detector, reporter, clock)
    seconds = time.perf_counter() - began
    frames = found[-1].shot.stop
    said = f"{_count(len(found), 'shot')} of {_count(frames, 'frame')}"
    if options.output is not None:
        head = f"{options.input.name}: {said}, {detector.name} at {detector.threshold:g}"
        _write(options.output, cuts_text(found, head), overwrite=options.overwrite)
        said = f"{options.output}: {said}"
    said = f"{said}, in {say_seconds(seconds)} ({say_number(frames / seconds)} fps)"
    reporter.say_end((), said, clock.stages)
    return RunReport(
        command="shots",
        input=source.facts,
        settings=as_settings(options),
        device={},
        plan={},
        stages=clock.stages,
        warnings=reporter.warnings,
        outputs=(str(options.output),) if options.output else (),
        facts=_facts(found, detector, frames),
    )


def look_for_shots(
    source: MediaSource, detector: Detector, reporter: Reporter, clock: StageClock
) -> tuple[FoundShot, ...]:
    """Read a source once, in small frames, and find its shots. The detector is said in a line.

    Raises UsageError for a pipe, which cannot be read again, and MediaError.
    """
    if source.info.piped:
        what = "shots are found in a reading of their own, and a pipe has but one"
        raise UsageError(what, where="-", do="give a file")
    if detector.instead_of:
        reporter.emit(Line("Shots", f"{detector.instead_of}: taking ffmpeg's {detector.name}"))
    reporter.emit(Line("Shots", f"{detector.name}, cuts from {detector.threshold:g} on", level=Level.DETAIL))
    with source.reader(small=SMALL) as reader, clock.stage("shots"):
        found = find_shots(_told(reader, source.total, reporter), detector)
    clock.count("shots", found[-1].shot.stop)
    for complaint in reader.complaints:
        reporter.emit(Line("Input", complaint, level=Level.WARNING))
    return found


def count_frames(source: MediaSource, reporter: Reporter, clock: StageClock) -> int:
    """Read a source once, in small frames, and count them: what a container says of their number is often
    wrong. Raises MediaError."""
    with source.reader(small=SMALL) as reader, clock.stage("count"):
        count = sum(1 for _ in _told(reader, source.total, reporter))
    clock.count("count", count)
    return count


def _told(reader: FrameReader, total: int | None, reporter: Reporter) -> Iterator[Frame]:
    for count, frame in enumerate(reader, start=1):
        yield frame
        reporter.emit(Progress("Shots", count, total))


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    try:
        with whole_file(path, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise output_error(path, error) from error


def _facts(found: Sequence[FoundShot], detector: Detector, frames: int) -> dict[str, Any]:
    return {
        "detector": detector.name,
        "threshold": detector.threshold,
        "frames": frames,
        "shots": [
            {
                "first": one.shot.first,
                "frames": one.shot.frames,
                "time": str(one.time),
                "score": None if one.score is None else round(one.score, 4),
            }
            for one in found
        ],
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
