"""`compare` as a user types it."""

import json
import re
import signal
import time
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from seedvr2_cli.compare.vmaf import why_not
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.media.yuv import real_color
from tests.cli.conftest import alive_with, start
from tests.cli.test_commands import KEYS
from tests.cli.test_errors import only_line

FACTS = {"frames", "equal", "peak", "psnr_db", "ssim", "vmaf", "max_error", "worst_frame"}


def rows_of(out: str) -> dict[str, str]:
    return dict(re.split(r"  +", line.strip(), maxsplit=1) for line in out.splitlines())


def test_the_numbers_stand_in_a_table(run, clip, worse):
    result = run("compare", clip, worse, "-o", clip.with_name("sheet.png"))
    assert result.code == 0
    rows = rows_of(result.out)
    assert list(rows) == ["frames", "PSNR", "SSIM", "VMAF", "max error", "worst frame"]
    assert rows["frames"] == "72"
    assert re.fullmatch(r"3\d\.\d\d dB", rows["PSNR"])
    assert re.fullmatch(r"0\.\d{5}", rows["SSIM"])
    assert re.fullmatch(r"\d+ of 255: frame \d+, x \d+, y \d+, (red|green|blue)", rows["max error"])
    assert re.fullmatch(r"\d+: \d\d\.\d\d dB", rows["worst frame"])
    lines = result.err.splitlines()
    assert lines[0] == "[A] clip.mp4: 212x120, h264 yuv420p, 24.0 fps, 72 frames"
    assert lines[1] == "[B] worse.mp4: 212x120, h264 yuv420p, 24.0 fps, 72 frames"
    said = f"[Output] ✓ {clip.with_name('sheet.png')}: contact sheet of "
    assert lines[-1].startswith(said)
    assert ", 72 frames compared, in " in lines[-1]


def test_json_has_the_same_numbers(run, clip, worse):
    result = run("compare", clip, worse, "--no-sheet", "--json", "-q")
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    facts = report["facts"]
    assert (set(report), set(facts), report["outputs"]) == (KEYS, FACTS, [])
    assert {side: report["input"][side]["path"] for side in "ab"} == {"a": str(clip), "b": str(worse)}
    assert [stage["name"] for stage in report["stages"]][:2] == ["read", "measure"]
    assert (facts["frames"], facts["equal"], facts["peak"]) == (72, False, 255)
    assert facts["worst_frame"]["psnr_db"] <= facts["psnr_db"]
    if not why_not(describe(find_ffmpeg()), (212, 120)):
        assert 0 < facts["vmaf"] < 90


def test_a_sheet_is_written_beside_b(run, clip, worse):
    b = clip.with_name("b.mp4")
    b.write_bytes(worse.read_bytes())
    assert run("compare", clip, b).code == 0
    with Image.open(clip.with_name("b.sheet.png")) as sheet:
        assert (sheet.mode, sheet.width) == ("RGB", 8 + 3 * (2 * 212 + 8))
    again = run("compare", clip, b)
    assert (again.code, only_line(again)) == (
        5,
        f"{clip.with_name('b.sheet.png')}: exists already; give --overwrite or another -o",
    )
    assert run("compare", clip, b, "--overwrite").code == 0


@pytest.mark.parametrize("name", ["png16.png", "odd_420.jpg", "still_lossless.webp", "anim.gif"])
def test_a_file_equals_itself(run, data, name, tmp_path):
    path = data / "clips" / name
    sheet = tmp_path / "sheet.png"
    report = json.loads(run("compare", path, path, "-o", sheet, "--min-psnr", "99", "--json").out)
    facts = report["facts"]
    assert (facts["equal"], facts["psnr_db"], facts["max_error"], facts["worst_frame"]) == (True, *[None] * 3)
    assert facts["ssim"] == 1
    assert report["error"] is None
    assert report["outputs"] == [str(sheet)]
    rows = rows_of(run("compare", path, path, "--no-sheet").out)
    assert (rows["PSNR"], rows["SSIM"], rows["max error"]) == ("equal", "1.00000", "0")


def test_too_low_a_psnr_ends_with_1(run, data, clip, worse):
    words = ["compare", clip, worse, "--no-sheet", "--json"]
    psnr = json.loads(run(*words).out)["facts"]["psnr_db"]
    assert run(*words, "--min-psnr", int(psnr)).code == 0
    result = run(*words, "--min-psnr", 60)
    line = f"{worse}: {psnr:.4f} dB against {clip}, less than --min-psnr 60"
    assert (result.code, result.err.splitlines()[-1]) == (1, f"seedvr2: {line}")
    report = json.loads(result.out)
    assert report["error"] == {"class": "CheckFailed", "message": line, "exit": 1}
    assert report["facts"]["psnr_db"] == psnr
    plain = run("compare", clip, worse, "--min-psnr", "60", "-o", clip.with_name("sheet.png"))
    assert (plain.code, rows_of(plain.out)["PSNR"]) == (1, f"{psnr:.2f} dB")
    assert clip.with_name("sheet.png").exists()


def evenly_again(source: Path, target: Path, frames: int) -> None:
    """Write the first frames of source to target, evenly spaced from 0 on."""
    ffmpeg = describe(find_ffmpeg())
    info = probe(source, ffmpeg)
    video = info.video
    spec = OutputSpec(
        path=target,
        final=target,
        width=video.width,
        height=video.height,
        depth=8,
        rate=video.rate,
        codec=CODECS["x264"],
        color=real_color(info),
    )
    with FrameReader(info, ffmpeg) as reader, FrameWriter(spec, ffmpeg) as writer:
        for frame in islice(reader, frames):
            writer.write(frame.pixels)
        writer.finish()


WARNINGS = {
    "counts": ("bbb_180p_aac.mp4", 60, "A has 120 frames, B 60: the first 60 are compared"),
    "stamps": (
        "vfr_ms.mkv",
        20,
        "time stamps differ from frame 1 on: 0.020 s after the first in A, 0.146 s in B",
    ),
    "start": ("video_late_500ms.mkv", 48, "the first frame stands at 0.500 s in A, at 0.000 s in B"),
}


@pytest.mark.parametrize(("name", "frames", "warning"), WARNINGS.values(), ids=WARNINGS)
def test_what_is_odd_about_a_comparison_is_said(run, data, tmp_path, name, frames, warning):
    source, other = data / "clips" / name, tmp_path / "other.mp4"
    evenly_again(source, other, frames)
    report = json.loads(run("compare", source, other, "--no-sheet", "--json").out)
    assert report["warnings"] == [warning]
    assert report["facts"]["frames"] == frames
    assert f"[Compare] {warning}" in run.err.splitlines()


def test_without_libvmaf_the_rest_is_there(run, clip, worse, monkeypatch):
    monkeypatch.setattr(
        "seedvr2_cli.pipeline.compare.why_not", lambda *_: "this ffmpeg (5.1.9) has no libvmaf"
    )
    result = run("compare", clip, worse, "--no-sheet")
    assert rows_of(result.out)["VMAF"] == "none"
    assert "[Compare] VMAF is left out: this ffmpeg (5.1.9) has no libvmaf" in result.err.splitlines()


def errors(clips: Path, folder: Path) -> dict[str, tuple[list[object], int, str]]:
    """What is typed, the exit code and the line."""
    eyes, mustache, cut = (
        clips / name for name in ("Eyes_212x120.mp4", "Mustache_640x360.mp4", "frag_cut60.mp4")
    )
    png, none = clips / "png16.png", folder / "none.mp4"
    cut_off = "30 frames could be read: the file is cut off: 124 bytes are missing"
    return {
        "missing": ([none, eyes], 3, f"{none}: no such file"),
        "second missing": ([eyes, none], 3, f"{none}: no such file"),
        "no media": ([eyes, clips / "fake.mp4"], 3, f"{clips / 'fake.mp4'}: is no video and no picture"),
        "cut off": ([cut, cut], 3, f"{cut}: {cut_off}"),
        "sizes": (
            [eyes, mustache],
            2,
            f"{mustache}: is 640x360, {eyes} is 212x120; scale one of them first",
        ),
        "no number": (
            [eyes, eyes, "--min-psnr", "nan"],
            2,
            "--min-psnr: nan is no number of dB; give 40 or so",
        ),
        "sheet is no png": ([eyes, eyes, "-o", "x.jpg"], 2, "x.jpg: is not named as a PNG; give -o NAME.png"),
        "sheet and none": (
            [eyes, eyes, "-o", "x.png", "--no-sheet"],
            2,
            "-o: given with --no-sheet; drop one of the two",
        ),
        "page is no page": (
            [eyes, eyes, "--no-sheet", "--html", "x.txt"],
            2,
            "x.txt: is not named as a page; give --html NAME.html",
        ),
        "no folder for the page": (
            [eyes, eyes, "--no-sheet", "--html", folder / "none/x.html"],
            5,
            f"{folder / 'none'}: no such folder; make it first, or give another --html",
        ),
        "sheet is a": ([png, png, "-o", png], 5, f"{png}: is the input itself; give another -o"),
        "no folder": (
            [eyes, eyes, "-o", folder / "none/x.png"],
            5,
            f"{folder / 'none'}: no such folder; make it first, or give another -o",
        ),
    }


@pytest.mark.parametrize("case", errors(Path(), Path()))
def test_an_error_is_one_line_and_leaves_nothing(run, data, tmp_path, case):
    words, code, line = errors(data / "clips", tmp_path)[case]
    sheet = [] if {"-o", "--no-sheet"} & set(words) else ["-o", tmp_path / "sheet.png"]
    result = run("compare", *words, *sheet)
    assert (result.code, only_line(result)) == (code, line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_a_full_disk_leaves_no_sheet(run, data, worse, small_disk):
    sheet = small_disk / "sheet.png"
    result = run("compare", data / "clips/Eyes_212x120.mp4", worse, "-o", sheet, "-q")
    assert (result.code, only_line(result)) == (
        5,
        f"{sheet}: no space left on the disk; free some, or give another -o",
    )
    assert list(small_disk.iterdir()) == []


@pytest.mark.root
def test_a_full_disk_leaves_no_page(run, clip, worse, small_disk):
    page = small_disk / "page.html"
    result = run("compare", clip, worse, "--no-sheet", "--html", page, "-q")
    assert (result.code, only_line(result)) == (
        5,
        f"{page}: no space left on the disk; free some, or give another --html",
    )
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("delay", [0.3, 0.8, 1.2])
def test_ctrl_c_leaves_no_sheet_and_no_ffmpeg(data, tmp_path, delay):
    token = f"compare-{delay}-{time.monotonic_ns()}"
    clip = data / "clips/Mustache_640x360.mp4"
    with start("compare", clip, clip, "-o", tmp_path / "sheet.png", token=token) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert process.returncode in (0, 130)
    done = process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == (["sheet.png"] if done else [])
    assert alive_with(token) == []
