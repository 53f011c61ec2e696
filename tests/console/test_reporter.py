"""Events become lines: `[Part] one fact`, plain where there is no terminal."""

import io

import pytest

from seedvr2_cli.base.events import Level, Line, Progress, Stage
from seedvr2_cli.console import reporter as console
from seedvr2_cli.console.reporter import ConsoleReporter


def say(*events, encoding="utf-8", **options):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    with ConsoleReporter(stream, **options) as reporter:
        for event in events:
            reporter.emit(event)
    stream.flush()
    return raw.getvalue().decode(encoding).splitlines()


def test_a_line_names_its_part():
    assert say(Line("VAE Loader", "Loading GGUF VAE: a.gguf")) == ["[VAE Loader] Loading GGUF VAE: a.gguf"]


def test_a_check_mark_becomes_ok_where_it_cannot_be_written():
    line = Line("Output", "done", ok=True)
    assert say(line) == ["[Output] ✓ done"]
    assert say(line, encoding="ascii") == ["[Output] ok done"]


def test_markup_in_a_file_name_is_no_markup():
    assert say(Line("Input", "[red]a[/red].mp4 :smile:")) == ["[Input] [red]a[/red].mp4 :smile:"]


def test_a_long_line_is_not_broken_where_there_is_no_terminal():
    text = "x" * 500
    assert say(Line("Input", text)) == [f"[Input] {text}"]


def test_quiet_says_nothing_and_verbose_more():
    detail = Line("Input", "more", level=Level.DETAIL)
    warning = Line("Input", "careful", level=Level.WARNING)
    assert say(detail, warning) == ["[Input] careful"]
    assert say(detail, warning, verbose=True) == ["[Input] more", "[Input] careful"]
    assert say(detail, warning, Progress("Decode", 1, 2), quiet=True) == []


def test_progress_comes_in_plain_lines_now_and_then(monkeypatch):
    seconds = iter([0, 4, 11, 12, 22])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(seconds))
    steps = [Progress("Decode", done, 100) for done in (1, 20, 55, 60, 90)]
    assert say(*steps) == [
        "[Decode] 55 of 100 frames, 5.00 fps, 9.00 s left",
        "[Decode] 90 of 100 frames, 4.09 fps, 2.44 s left",
    ]


def test_progress_without_a_known_end(monkeypatch):
    seconds = iter([0, 20])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(seconds))
    assert say(Progress("Encode", 0, None), Progress("Encode", 50, None)) == ["[Encode] 50 frames, 2.50 fps"]


def test_bytes_are_said_as_bytes(monkeypatch):
    seconds = iter([0, 20])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(seconds))
    steps = [Progress("Download", done, 478 << 20, "bytes") for done in (0, 200 << 20)]
    assert say(*steps) == ["[Download] 200 MiB of 478 MiB, 10.0 MiB/s, 27.8 s left"]


def test_a_stage_that_ended_is_a_detail():
    assert say(Stage("encode", 2.0, 10)) == []
    assert say(Stage("encode", 2.0, 10), verbose=True) == ["[Time] encode: 10 frames in 2.00 s, 5.00 fps"]


def test_every_stage_has_a_bar_of_its_own():
    stream = io.StringIO()
    reporter = ConsoleReporter(stream)
    reporter._console = type(reporter._console)(file=stream, force_terminal=True, width=100, stderr=True)
    with reporter:
        reporter.emit(Progress("Download", 1 << 20, 4 << 20, "bytes"))
        reporter.emit(Progress("Decode", 5, 10))
    assert "1.0/4.0 MiB" in stream.getvalue()
    assert "5/10" in stream.getvalue()


@pytest.mark.parametrize("part", ["Decode", "Encode"])
def test_a_terminal_gets_a_bar_that_goes_away(part):
    stream = io.StringIO()
    reporter = ConsoleReporter(stream)
    reporter._console = type(reporter._console)(file=stream, force_terminal=True, width=100, stderr=True)
    with reporter:
        reporter.emit(Progress(part, 5, 10))
        reporter.emit(Line("Input", "a line above the bar"))
    assert "5/10" in stream.getvalue()
    assert "a line above the bar" in stream.getvalue()
