"""Finding the program, and putting its last words into ours. Small scripts stand in for bad programs."""

import os
import re
from pathlib import Path

import imageio_ffmpeg
import pytest

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.ffmpeg import FFmpeg, child_environment, describe, explain, file_url, find_ffmpeg, tidy


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_explicit_program_goes_before_the_variable_and_the_package(tmp_path: Path) -> None:
    mine, named = script(tmp_path / "mine", "true"), script(tmp_path / "named", "true")
    assert find_ffmpeg(mine, {"SEEDVR2_FFMPEG": str(named)}) == mine
    assert find_ffmpeg(None, {"SEEDVR2_FFMPEG": str(named)}) == named
    assert find_ffmpeg(None, {}) == Path(imageio_ffmpeg.get_ffmpeg_exe())


def test_a_bare_name_is_looked_up_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = script(tmp_path / "ffmpeg-of-the-system", "true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: system.name)
    assert find_ffmpeg(None, {}) == system
    assert find_ffmpeg(None, {"SEEDVR2_FFMPEG": system.name}) == system


@pytest.mark.parametrize(
    ("explicit", "environ", "line"),
    [
        (Path("/no/such"), {}, "/no/such: no such program; name the ffmpeg program itself"),
        (
            None,
            {"SEEDVR2_FFMPEG": "/no/such"},
            "SEEDVR2_FFMPEG=/no/such: no such program; name the ffmpeg program itself",
        ),
    ],
)
def test_a_named_program_that_is_not_there_is_said(
    explicit: Path | None, environ: dict[str, str], line: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(line)):
        find_ffmpeg(explicit, environ)


def test_no_program_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", none)
    with pytest.raises(UsageError, match=r"^no ffmpeg found; install imageio-ffmpeg, or set SEEDVR2_FFMPEG$"):
        find_ffmpeg(None, {})


def test_a_program_tells_its_version_encoders_and_filters(ffmpeg: FFmpeg) -> None:
    assert ffmpeg.version
    assert {"libx264", "ffv1", "png", "mjpeg", "libwebp"} <= ffmpeg.encoders
    assert {"scale", "crop", "format", "setparams"} <= ffmpeg.filters
    assert not {"=", "->"} & (ffmpeg.encoders | ffmpeg.filters)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("echo hello", "is not an ffmpeg program; set SEEDVR2_FFMPEG to one"),
        ("echo ffmpeg version 4.4.2-0ubuntu0", "is ffmpeg 4.4.2-0ubuntu0; take ffmpeg 5.1 or newer"),
        ("exit 1", "is not an ffmpeg program; set SEEDVR2_FFMPEG to one"),
    ],
)
def test_a_wrong_program_is_refused(tmp_path: Path, text: str, line: str) -> None:
    fake = script(tmp_path / "fake", text)
    with pytest.raises(UsageError) as refused:
        describe(fake)
    assert str(refused.value) == f"{fake}: {line}"


def test_a_file_that_is_no_program_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "readme"
    text.write_text("no program")
    with pytest.raises(
        UsageError, match=r"readme: does not run \(.*Permission denied.*\); set SEEDVR2_FFMPEG"
    ):
        describe(text)


@pytest.mark.parametrize("version", ["n9.0.2-17-g2a571b6068-20260930", "5.1.9-0+deb12u1", "N-118000-gabc"])
def test_new_versions_and_builds_from_a_branch_are_taken(tmp_path: Path, version: str) -> None:
    assert describe(script(tmp_path / "fake", f"echo ffmpeg version {version} Copyright")).version == version


def test_the_variable_that_keeps_an_old_build_from_crashing_is_set_for_the_child_alone() -> None:
    before = dict(os.environ)
    assert child_environment({"HOME": "/here"})["GCONV_PATH"] == "/nonexistent"
    assert dict(os.environ) == before


def test_a_relative_name_becomes_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert file_url(Path("-i")) == f"file:{tmp_path}/-i"


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["moov atom not found", "Invalid data found when proc"], 183, "the index (moov) is missing"),
        (["av_interleaved_write_frame(): No space left on device"], 228, "no space left on the disk"),
        (["[x] Invalid data found when processing input"], 69, "the data is damaged"),
        (["Unknown encoder 'libx264'"], 8, "this ffmpeg has no such encoder"),
        (["something new"], 1, "ffmpeg says: something new"),
        ([], -9, "ffmpeg was stopped by SIGKILL"),
        ([], -11, "ffmpeg was stopped by SIGSEGV"),
        ([], -60, "ffmpeg was stopped by signal 60"),
        ([], 1, "ffmpeg ended with code 1 and without a word"),
    ],
)  # fmt: skip
def test_the_last_words_are_explained(words: list[str], code: int, reason: str) -> None:
    assert explain(words, code) == reason


def test_addresses_are_taken_out_of_the_log() -> None:
    assert tidy("[vist#0:0/h264 @ 0x55f] [dec:h264 @ 0x7fa] Error") == "[vist#0:0/h264] [dec:h264] Error"
