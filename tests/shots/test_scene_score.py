"""The scene score is ffmpeg's, and finds the cuts of real clips."""

import re

import numpy as np
import pytest

from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.shots.find import SCENE_THRESHOLD, Detector, find_shots
from seedvr2_cli.shots.scene_score import scene_scores
from tests.shots.conftest import CUTS, NAMES


def test_it_is_the_score_of_ffmpegs_select(ffmpeg, tmp_path):
    """On gray frames, whose luma needs no conversion: the same numbers, but for the six digits of the log."""
    values = np.random.default_rng(1)
    frames = values.integers(0, 256, (30, 64, 64), np.uint8)
    frames[5:12] = frames[5]  # a still, and shots of one frame around it
    frames[20:] //= 4
    (tmp_path / "gray.raw").write_bytes(frames.tobytes())
    words = ["-f", "rawvideo", "-pixel_format", "gray", "-video_size", "64x64"]
    words += ["-i", str(tmp_path / "gray.raw"), "-f", "null"]
    words += ["-vf", "format=yuvj420p,select='gte(scene,0)',metadata=print:file=-", "-"]
    with FFmpegProcess(ffmpeg.path, words, stdout=True) as process:
        said = process.read(1 << 16).decode()
    theirs = [float(score) for score in re.findall(r"scene_score=(\S+)", said)]
    ours = list(scene_scores(np.stack([frames] * 3, -1)))
    assert len(theirs) == 30
    assert ours == pytest.approx(theirs, abs=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_cuts_of_real_clips_are_found_and_no_others(name, small):
    found = find_shots(small(name), Detector("scene score", SCENE_THRESHOLD, scene_scores))
    assert [one.shot.first for one in found] == [0, *CUTS[name]]
    assert found[-1].shot.stop == len(small(name))


def test_one_frame_has_no_score():
    assert list(scene_scores([np.zeros((27, 48, 3), np.uint8)])) == [0.0]
