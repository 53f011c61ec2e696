"""A run stops where it is told to, or where the disk is full, and goes on as if it had not."""

import json
import shutil
import signal
from fractions import Fraction

import av
import pytest

from seedvr2_cli.base.choices import OnFull
from seedvr2_cli.base.errors import DiskFull, UsageError
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.cli.interrupts import stops_at_units
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.pipeline.keeping import room
from seedvr2_cli.pipeline.options import WorkOptions
from seedvr2_cli.pipeline.status import status
from seedvr2_cli.pipeline.upscale import upscale
from tests.pipeline.conftest import Lines
from tests.pipeline.upscaling.test_resume import (
    FRAMES,
    Restorer,
    assert_same,
    film,
    job,
    one_shot,
    short_segments,
    whole,
)

__all__ = ["film", "one_shot", "whole"]  # fixtures
RATE = Fraction(24)


def test_until_a_time_of_the_source_and_then_to_the_end(film, whole, ffmpeg, tmp_path, lines):
    output, loader = tmp_path / "out.mkv", Restorer()
    until = 9 / RATE  # the frames of the first shot
    report = upscale(job(film, output, until=until), lines, loader)
    assert report.outputs == ()
    assert loader.calls == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv.work"]
    kept = f"9 of 60 frames are kept in {output}.work; the same command without --until goes on"
    assert lines.said[-1] == f"[Stop] {kept}"
    assert status(output)[0].facts["frames"] == [9, FRAMES]
    loader = Restorer()
    upscale(job(film, output, until=until + 1 / RATE), lines, loader)
    assert loader.calls == 1
    loader = Restorer()
    upscale(job(film, output), lines, loader)
    assert loader.calls == 4
    assert_same(output, whole, ffmpeg)


def test_until_stops_in_the_middle_of_a_long_shot(one_shot, ffmpeg, tmp_path, lines, monkeypatch):
    short_segments(monkeypatch)
    upscale(job(one_shot, tmp_path / "whole.mkv"), lines, Restorer())
    output, loader = tmp_path / "out.mkv", Restorer()
    upscale(job(one_shot, output, until=24 / RATE), lines, loader)
    assert status(output)[0].facts["frames"] == [25, FRAMES]
    assert loader.calls == 2  # the third window has no part in those frames
    upscale(job(one_shot, output), lines, Restorer())
    assert_same(output, tmp_path / "whole.mkv", ffmpeg)


def test_until_a_time_beyond_the_end_is_the_end(film, whole, ffmpeg, tmp_path, lines):
    upscale(job(film, tmp_path / "out.mkv", until=Fraction(99)), lines, Restorer())
    assert_same(tmp_path / "out.mkv", whole, ffmpeg)


@pytest.mark.parametrize(
    ("output", "until", "line"),
    [
        ("out.mkv", Fraction(0), "--until: 0 s is not after the start, 0 s; give a later time"),
        (STDOUT, Fraction(1), "--until: nothing is kept of this run; leave it out, or give --work-dir"),
    ],
)
def test_until_needs_a_later_time_and_a_place(output, until, line, film, tmp_path, lines):
    with pytest.raises(UsageError) as raised:
        given = {"codec": None} if output == STDOUT else {}
        upscale(
            job(film, tmp_path / output if isinstance(output, str) else output, until=until, **given),
            lines,
            Restorer(),
        )
    assert str(raised.value) == line


def interrupted(film, output, at: int, times: int) -> tuple[Restorer, Lines]:
    """A run with so many Ctrl-C in the middle of its at'th window."""
    loader, lines, stop = Restorer(), Lines(), Stop()
    restore = loader.transformer.restore

    def meanwhile(*given):
        if loader.calls == at:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return restore(*given)

    loader.transformer.restore = meanwhile
    with pytest.raises(KeyboardInterrupt), stops_at_units(stop, lines):
        upscale(job(film, output), lines, loader, stop)
    return loader, lines


def test_ctrl_c_lets_the_window_come_to_its_end(film, whole, ffmpeg, tmp_path):
    loader, lines = interrupted(film, tmp_path / "out.mkv", 2, times=1)
    assert loader.calls == 3
    assert "[Stop] the unit at work is finished first; Ctrl-C again stops at once" in lines.said
    work = f"{tmp_path / 'out.mkv'}.work"
    assert lines.said[-1] == f"[Work] {work}: what is finished is kept; the same command goes on"
    again = Restorer()
    upscale(job(film, tmp_path / "out.mkv"), Lines(), again)
    assert again.calls == 3  # of 6: none was done twice
    assert_same(tmp_path / "out.mkv", whole, ffmpeg)


def test_a_second_ctrl_c_does_not_wait(film, tmp_path):
    loader, _ = interrupted(film, tmp_path / "out.mkv", 2, times=2)
    assert loader.calls == 2


def test_ctrl_c_before_there_are_units_is_at_once():
    with pytest.raises(KeyboardInterrupt), stops_at_units(Stop(), Lines()):
        signal.raise_signal(signal.SIGINT)


def test_a_disk_that_is_too_small_is_refused_before_the_start(film, tmp_path, lines, monkeypatch):
    monkeypatch.setattr(room, "free_bytes", lambda folder: 10_000)
    loader = Restorer()
    with pytest.raises(DiskFull) as raised:
        upscale(job(film, tmp_path / "out.mkv"), lines, loader)
    needed = f"{tmp_path}/out.mkv.work: about 237 KiB are needed, and 9.77 KiB are free"
    assert str(raised.value) == f"{needed}; free some, give --work-dir on another disk, or --on-full wait"
    assert loader.calls == 0


def test_the_plan_names_what_the_disk_is_to_hold(film, tmp_path, lines):
    planned = job(film, tmp_path / "out.mkv")
    planned = job(film, tmp_path / "out.mkv", memory=type(planned.memory)(plan_only=True))
    report = upscale(planned, lines, Restorer())
    assert "[Plan] disk: about 130 KiB for what is kept, 107 KiB for the output" in lines.said
    assert report.plan["disk_bytes"] == {"work": 133_152, "output": 109_440}
    assert json.dumps(report.plan)


def test_a_run_that_waits_goes_on_when_there_is_room(film, whole, ffmpeg, tmp_path, monkeypatch, lines):
    """The disk is full when the third unit is written, and again; then someone makes room."""
    output, loader = tmp_path / "out.mkv", Restorer()
    restore, free, waited = loader.transformer.restore, [shutil.disk_usage(tmp_path).free], []

    def fill(*given):
        if loader.calls == 2 and not waited:
            raise DiskFull("no space left on the disk", where=output, do="free some")
        return restore(*given)

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            free[0] += 1 << 30

    loader.transformer.restore = fill
    monkeypatch.setattr(room, "free_bytes", lambda folder: free[0])
    monkeypatch.setattr(room.again_when_room, "__defaults__", (sleep,))
    upscale(job(film, output, work=WorkOptions(on_full=OnFull.WAIT)), lines, loader)
    assert waited == [room.LOOK_S] * 3
    assert loader.calls == 6
    told = [line for line in lines.said if line.startswith("[Disk]")]
    assert told[0].startswith(f"[Disk] {output}: no space left on the disk: waiting until ")
    assert told[1].endswith(" are free: going on")
    assert_same(output, whole, ffmpeg)


@pytest.mark.root
@pytest.mark.parametrize("small_disk", ["12m"], indirect=True)
def test_a_disk_that_is_full_in_the_middle_stops_and_goes_on(
    film, whole, ffmpeg, small_disk, lines, monkeypatch
):
    """For real: what is left of the disk is taken while the run is at work."""
    output, loader = small_disk / "out.mkv", Restorer()
    restore, ballast = loader.transformer.restore, small_disk / "ballast"

    def fill(*given):
        if loader.calls == 2:
            with pytest.raises(OSError, match="No space left"):
                ballast.write_bytes(bytes(12 << 20))
        return restore(*given)

    loader.transformer.restore = fill
    monkeypatch.setattr(room, "check_room", lambda folder, needed: None)
    with pytest.raises(DiskFull) as raised:
        upscale(job(film, output), lines, loader)
    assert "no space left on the disk" in str(raised.value)
    assert not output.exists()
    ballast.unlink()
    again = Restorer()
    upscale(job(film, output), lines, again)
    assert loader.calls + again.calls <= 6 + 1
    assert_same(output, whole, ffmpeg)


def test_a_preview_can_be_watched_at_any_time_and_goes_at_the_end(film, whole, ffmpeg, tmp_path, lines):
    output, seen = tmp_path / "out.mkv", []
    loader = Restorer()
    restore = loader.transformer.restore

    def look(*given):
        path = tmp_path / "out.preview.mkv"
        if path.exists() and path.stat().st_size:
            with av.open(str(path)) as opened:
                seen.append(sum(1 for _ in opened.decode(video=0)))
        return restore(*given)

    loader.transformer.restore = look
    upscale(job(film, output, preview=True), lines, loader)
    assert len(seen) >= 3
    assert seen == sorted(seen)
    assert 0 < seen[-1] < FRAMES
    assert f"[Preview] {tmp_path / 'out.preview.mkv'} grows as frames are done" in lines.said
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]
    assert_same(output, whole, ffmpeg)


def test_a_preview_is_playable_wherever_it_is_cut(film, ffmpeg, tmp_path, lines):
    output = tmp_path / "out.mkv"
    upscale(job(film, output, preview=True, until=Fraction(36) / RATE), lines, Restorer())
    data, counts = (tmp_path / "out.preview.mkv").read_bytes(), []
    for share in range(2, 11):
        cut = tmp_path / "cut.mkv"
        cut.write_bytes(data[: len(data) * share // 10])
        with av.open(str(cut)) as opened:
            counts.append(sum(1 for _ in opened.decode(video=0)))
    assert counts == sorted(counts)
    assert counts[len(counts) // 2] > 0
    assert counts[-1] >= 30
    cut.unlink()
    upscale(job(film, output), lines, Restorer())
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_a_preview_that_cannot_be_written_ends_nothing(film, whole, ffmpeg, tmp_path, lines):
    (tmp_path / "out.preview.mkv").mkdir()
    upscale(job(film, tmp_path / "out.mkv", preview=True), lines, Restorer())
    assert any(said.startswith("[Preview] ends here: ") for said in lines.said)
    assert_same(tmp_path / "out.mkv", whole, ffmpeg)
