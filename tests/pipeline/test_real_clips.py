"""`decode` on real clips with weights of the published size: frames, duration, size, sound."""

from fractions import Fraction
from pathlib import Path

import pytest

from seedvr2_cli.media.probe import probe
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.options import DecodeOptions, ModelOptions
from tests.pipeline.conftest import cut, frames_of, sound_of

# name: size, frames, rate, bytes of sound packets to be found again
CLIPS = {
    "bbb_180p_aac": ((320, 180), 120, Fraction(24), True),
    "Eyes_212x120": ((212, 120), 72, Fraction(24), False),
    "Mustache_640x360": ((640, 360), 48, Fraction(24), False),
    "odd_321x241_444": ((321, 241), 24, Fraction(24), False),
    "tiny_16x16_1f": ((16, 16), 1, Fraction(25), False),
}
A_FEW = 3


@pytest.mark.parametrize("name", CLIPS)
def test_a_few_frames(name, data, ffmpeg, full_weights, tmp_path, lines):
    frames = min(CLIPS[name][1], A_FEW)
    source = cut(ffmpeg, data / f"clips/{name}.mp4", tmp_path / f"{name}.mp4", frames)
    check(source, frames, CLIPS[name], (ffmpeg, full_weights, lines))


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_whole_clips(name, data, ffmpeg, full_weights, tmp_path, lines):
    source = tmp_path / f"{name}.mp4"
    source.write_bytes((data / f"clips/{name}.mp4").read_bytes())
    check(source, CLIPS[name][1], CLIPS[name], (ffmpeg, full_weights, lines))


def check(source: Path, frames: int, expected, tools) -> None:
    ffmpeg, weights, lines = tools
    size, _, rate, sound = expected
    report = decode(DecodeOptions(input=source, model=ModelOptions(vae=weights)), lines)
    result = source.with_name(f"{source.stem}.decoded.mp4")
    assert report.outputs == (str(result),)
    shown = probe(result, ffmpeg).video
    assert (shown.width, shown.height) == size
    assert (shown.rate, shown.variable_rate) == (rate, False)
    assert shown.duration == frames / rate
    assert frames_of(result, ffmpeg).shape == (frames, size[1], size[0], 3)
    assert report.plan["frames"] == frames
    if sound:
        assert sound_of(result) == sound_of(source)
    left = {path.name for path in source.parent.iterdir()}
    assert left == {source.name, result.name}
