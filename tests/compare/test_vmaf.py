"""VMAF comes from ffmpeg, for the frames as they are compared; where it cannot, a line says why."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedvr2_cli.compare.vmaf import Vmaf, why_not
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import Color
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader
from seedvr2_cli.media.yuv import real_color
from tests.compare.conftest import disturbed, noise

BT709 = Color("bt709", "bt709", "bt709", full_range=False)


def vmaf_of(ffmpeg: FFmpeg, pairs, size: tuple[int, int], depth: int = 8, color: Color = BT709):
    with Vmaf(ffmpeg, size, depth, color) as vmaf:
        for a, b in pairs:
            vmaf.add(a, b)
        return vmaf.score()


def has_vmaf(ffmpeg: FFmpeg) -> bool:
    return why_not(ffmpeg, (64, 64)) == ""


def test_the_score_is_that_of_ffmpeg_on_the_files_themselves(clip: Path, tmp_path: Path, ffmpeg: FFmpeg):
    if not has_vmaf(ffmpeg):
        return
    worse = tmp_path / "worse.mp4"
    program = [ffmpeg.path, "-hide_banner", "-nostats"]
    subprocess.run([*program, "-v", "error", "-i", clip, "-crf", "38", worse], check=True)
    words = ["-i", worse, "-i", clip, "-lavfi", "[0:v][1:v]libvmaf", "-f", "null", "-"]
    told = subprocess.run([*program, *words], capture_output=True, check=True).stderr.decode()
    meant = float(re.search(r"VMAF score: ([\d.]+)", told)[1])
    infos = [probe(path, ffmpeg) for path in (clip, worse)]
    with FrameReader(infos[0], ffmpeg) as a, FrameReader(infos[1], ffmpeg) as b:
        pairs = ((x.pixels, y.pixels) for x, y in zip(a, b, strict=True))
        score, why = vmaf_of(ffmpeg, pairs, (212, 120), color=real_color(infos[0]))
    assert why == ""
    assert score == pytest.approx(meant, abs=0.5)  # R'G'B' cannot hold every Y'CbCr
    assert 20 < meant < 90


@pytest.mark.parametrize(("height", "width", "dtype"), [(33, 47, np.uint8), (64, 64, np.uint16)])
def test_equal_frames_score_higher_than_disturbed_ones(height, width, dtype, ffmpeg):
    if not has_vmaf(ffmpeg):
        return
    a = noise(height, width, dtype)
    b = disturbed(a, int(np.iinfo(dtype).max) // 4)
    depth = 8 if dtype is np.uint8 else 16
    scores = [vmaf_of(ffmpeg, [pair], (width, height), depth)[0] for pair in ((a, a), (a, b))]
    assert scores[1] < scores[0] - 5


def test_where_ffmpeg_has_no_vmaf_a_reason_is_given(ffmpeg):
    poor = replace(ffmpeg, version="5.1.9", filters=ffmpeg.filters - {"libvmaf"})
    assert why_not(poor, (640, 360)) == "this ffmpeg (5.1.9) has no libvmaf"
    rich = replace(ffmpeg, filters=ffmpeg.filters | {"libvmaf"})
    assert why_not(rich, (640, 31)) == "the frames are smaller than 32x32"
    assert why_not(rich, (32, 32)) == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 3", "ffmpeg ended with code 3 and without a word"),
        ("cat > /dev/null; echo 'VMAF score: nan' >&2", "ffmpeg says: VMAF score: nan"),
        ("cat > /dev/null; echo 'Error: no model' >&2; exit 1", "ffmpeg says: Error: no model"),
        ("kill -SEGV $$", "ffmpeg was stopped by SIGSEGV"),
    ],
)
def test_an_ffmpeg_that_fails_leaves_no_score_but_a_reason(body, reason, ffmpeg, tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    pairs = [(noise(64, 64), noise(64, 64))] * 20
    assert vmaf_of(replace(ffmpeg, path=program), pairs, (64, 64)) == (None, reason)
