"""Everything but the VAE changes nothing: frames in, frames out, with a model that returns its input."""

import subprocess
from fractions import Fraction

import numpy as np
import pytest

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.media.probe import frame_times, probe
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.options import DecodeOptions, ModelOptions
from tests.pipeline.conftest import frames_of, sound_of, unchanged

CLIPS = ["bbb_180p_aac", "Eyes_212x120", "odd_321x241_444", "tiny_16x16_1f", "h264_10bit"]


def options(source, result, **more):
    return DecodeOptions(input=source, output=result, model=ModelOptions(vae=source), **more)


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_comes_out_as_it_went_in_through_ffv1(name, data, ffmpeg, tmp_path, lines):
    source, result = data / f"clips/{name}.mp4", tmp_path / "out.mkv"
    decode(options(source, result, codec=Codec.FFV1), lines, unchanged)
    before, after = frames_of(source, ffmpeg), frames_of(result, ffmpeg)
    assert before.dtype == after.dtype
    np.testing.assert_array_equal(after, before)
    if name == "bbb_180p_aac":
        assert sound_of(result) == sound_of(source)
    ours, theirs = probe(result, ffmpeg).video, probe(source, ffmpeg).video
    assert (ours.rate, ours.sar) == (theirs.rate, theirs.sar)


@pytest.mark.parametrize(
    "name", ["png16.png", "alpha8.png", "odd_420.jpg", "exif_6.jpg", "still_lossless.webp"]
)
def test_a_picture_comes_out_as_it_went_in_through_png(name, data, ffmpeg, tmp_path, lines):
    source, result = data / "clips" / name, tmp_path / "out.png"
    decode(options(source, result), lines, unchanged)
    np.testing.assert_array_equal(frames_of(result, ffmpeg), frames_of(source, ffmpeg))


def test_x264_keeps_size_rate_count_sound_and_nearly_the_picture(data, ffmpeg, tmp_path, lines):
    source, result = data / "clips/bbb_180p_aac.mp4", tmp_path / "out.mp4"
    decode(options(source, result, crf=4), lines, unchanged)
    before, after = frames_of(source, ffmpeg), frames_of(result, ffmpeg)
    assert after.shape == before.shape
    error = np.square(after.astype(float) - before).mean()
    assert 10 * np.log10(255**2 / error) > 45
    shown = probe(result, ffmpeg)
    assert (shown.video.rate, shown.video.color.matrix, shown.video.color.full_range) == (24, "bt709", False)
    assert sound_of(result) == sound_of(source)


KEPT = "is kept, in 4:4:4, which not every player shows; --pad-even pads it"


@pytest.mark.parametrize(
    ("pad", "size", "pix_fmt", "words"),
    [(True, (322, 242), "yuv420p", "is padded to 322x242"), (False, (321, 241), "yuv444p", KEPT)],
)
def test_an_odd_size_is_kept_in_444_or_padded_where_asked(
    pad, size, pix_fmt, words, data, ffmpeg, tmp_path, lines
):
    source, result = data / "clips/odd_321x241_444.mp4", tmp_path / "out.mp4"
    decode(options(source, result, pad_even=pad), lines, unchanged)
    video = probe(result, ffmpeg).video
    assert ((video.width, video.height), video.pix_fmt) == (size, pix_fmt)
    assert lines.said.count(f"[Output] the odd size 321x241 {words}") == 1


def test_10_bits_go_out_in_10_bits(data, ffmpeg, tmp_path, lines):
    source, result = data / "clips/h264_10bit.mp4", tmp_path / "out.mp4"
    decode(options(source, result), lines, unchanged)
    video = probe(result, ffmpeg).video
    assert (video.codec, video.pix_fmt) == ("hevc", "yuv420p10le")


def test_what_is_left_out_is_said(data, tmp_path, lines):
    report = decode(options(data / "clips/alpha8.png", tmp_path / "out.jpg"), lines, unchanged)
    assert report.warnings == ("transparency is left out: jpeg in yuvj444p is opaque",)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("bbb_180p_aac.mp4", "bbb_180p_aac.decoded.mp4"),
        ("odd_420.jpg", "odd_420.decoded.jpg"),
        ("png16.png", "png16.decoded.png"),
    ],
)
def test_the_output_lies_beside_the_input(name, result, data, tmp_path, lines):
    source = tmp_path / name
    source.write_bytes((data / "clips" / name).read_bytes())
    decode(options(source, None), lines, unchanged)
    assert {path.name for path in tmp_path.iterdir()} == {name, result}


def test_memory_does_not_grow_with_the_clip(tmp_path, ffmpeg, lines):
    """A clip of 400 frames against its first 40: the same peak, to a few frames."""
    made = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-c:v", "libx264", "-preset", "ultrafast"]
    peaks = []
    for frames in (40, 400):
        path = tmp_path / f"{frames}.mp4"
        subprocess.run([ffmpeg.path, "-v", "error", *made, "-frames:v", str(frames), path], check=True)
        report = decode(options(path, tmp_path / f"{frames}.mkv", codec=Codec.FFV1), lines, unchanged)
        peaks.append(report.peak_bytes)
    frame = 320 * 184 * 3 * 4  # as float32
    assert peaks[1] - peaks[0] < 16 * frame


@pytest.mark.slow
def test_ten_thousand_frames_keep_their_times_and_need_no_more_memory(tmp_path, ffmpeg, lines):
    made = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=60", "-c:v", "libx264", "-preset", "ultrafast"]
    peaks = []
    for frames in (1_000, 10_000):
        path, result = tmp_path / f"{frames}.mkv", tmp_path / f"{frames}.mov"
        subprocess.run([ffmpeg.path, "-v", "error", *made, "-frames:v", str(frames), path], check=True)
        report = decode(options(path, result, codec=Codec.FFV1), lines, unchanged)
        peaks.append(report.peak_bytes)
        assert frame_times(probe(result, ffmpeg)) == [Fraction(n, 60) for n in range(frames)]
    assert peaks[1] - peaks[0] < 4 << 20
