"""The clip that is made where none is at hand."""

from fractions import Fraction
from pathlib import Path

import pytest

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import Color
from seedvr2_cli.media.made_clip import make_clip
from seedvr2_cli.media.probe import probe


def test_a_made_clip_is_a_tagged_film_with_sound(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    make_clip(ffmpeg, tmp_path / "clip.mp4", (64, 48), Fraction(24), 7)
    info = probe(tmp_path / "clip.mp4", ffmpeg)
    video = info.video
    assert (video.width, video.height, video.rate, video.frames) == (64, 48, 24, 7)
    assert video.color == Color("bt709", "bt709", "bt709", full_range=False)
    assert [stream.codec for stream in info.others] == ["aac"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path = tmp_path / "none" / "clip.mp4"
    with pytest.raises(OutputError) as missing:
        make_clip(ffmpeg, path, (64, 48), Fraction(24), 7)
    assert str(missing.value) == f"{path}: cannot be made (no such file or folder)"
