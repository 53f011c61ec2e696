"""Numbered pictures and pipes are films too, in and out."""

import io
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import MediaError, OutputError
from seedvr2_cli.media.probe import frame_times, probe
from seedvr2_cli.media.sequence import find_sequence
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.encode import encode
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.options import DecodeOptions, EncodeOptions, ModelOptions
from tests.pipeline.conftest import frames_of, unchanged

RATE = Fraction(24)


def run(source, result, lines, **more):
    return decode(
        DecodeOptions(input=source, output=result, model=ModelOptions(vae=source), **more), lines, unchanged
    )


@pytest.mark.parametrize("name", ["Eyes_212x120.mp4", "h264_10bit.mp4", "vfr_ms.mkv"])
def test_a_film_becomes_pictures_and_the_pictures_the_film(name, data, ffmpeg, tmp_path, lines):
    source, pictures = data / "clips" / name, tmp_path / "pictures/shot_%04d.png"
    run(source, pictures, lines)
    frames = frames_of(source, ffmpeg)
    assert len(list(pictures.parent.iterdir())) == len(frames)
    for given in (pictures, pictures.parent):
        result = tmp_path / "film.mkv"
        reading = InputOptions(rate=Fraction(24000, 1001))
        run(given, result, lines, reading=reading, codec=Codec.FFV1, overwrite=True)
        np.testing.assert_array_equal(frames_of(result, ffmpeg), frames)
        assert probe(result, ffmpeg).video.rate == Fraction(24000, 1001)


def test_pictures_that_exist_are_kept_unless_told(data, tmp_path, lines):
    source, pictures = data / "clips/tiny_2x2_3f.mkv", tmp_path / "frame_%05d.png"
    run(source, pictures, lines)
    with pytest.raises(OutputError) as refused:
        run(source, pictures, lines)
    first = tmp_path / "frame_00001.png"
    assert str(refused.value) == f"{first}: exists already; give --overwrite or another -o"
    run(source, pictures, lines, overwrite=True)
    assert len(list(tmp_path.iterdir())) == 3


def make(folder, data, names):
    for name in names:
        shutil.copy(data / "clips/exif_upright.png", folder / name)


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["a_1.png", "a_2.png", "a_4.png"], "picture 3 is missing between 1 and 4; close the gap"),
        (["a_1.png", "b_1.png"], "holds 2 sequences: a_%d.png, b_%d.png; name one of them"),
        (["note.txt"], "has no numbered pictures; name them as frame_00001.png"),
        (["a_1.png", "a_02.png"], "its numbers are not of one form; name them as frame_00001.png"),
    ],
)
def test_what_is_no_sequence_is_said(names, line, data, tmp_path):
    make(tmp_path, data, names)
    with pytest.raises(MediaError) as refused:
        find_sequence(tmp_path, RATE)
    assert str(refused.value) == f"{tmp_path}: {line}"


@pytest.mark.parametrize(
    "names", [["1.png", "2.png"], ["99.png", "100.png"], ["50%_08.png", "50%_09.png", "50%_10.png"]]
)
def test_numbers_are_read_in_their_order(names, data, tmp_path, ffmpeg):
    make(tmp_path, data, names)
    assert probe(tmp_path, ffmpeg).video.frames == len(names)
    assert len(frames_of(tmp_path, ffmpeg)) == len(names)


def test_a_picture_of_another_size_is_said(data, tmp_path, lines):
    make(tmp_path, data, ["1.png", "2.png"])
    shutil.copy(data / "clips/png16.png", tmp_path / "3.png")
    with pytest.raises(MediaError, match="the size of the picture changes"):
        run(tmp_path, tmp_path / "out.mkv", lines)


CODE = """
import sys
from pathlib import Path
from fractions import Fraction
from seedvr2_cli.base.choices import PipeFormat
from seedvr2_cli.base.events import Silent
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.media_options import InputOptions, OutputOptions, parse_raw_form
from seedvr2_cli.pipeline.options import DecodeOptions, ModelOptions
from tests.pipeline.conftest import unchanged
form, raw = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
options = DecodeOptions(
    input=Path("-"), output=Path("-"), model=ModelOptions(vae=Path("x")),
    reading=InputOptions(raw=parse_raw_form(raw, "") if raw else None),
    writing=OutputOptions(pipe=PipeFormat(form)),
)
decode(options, Silent(), unchanged)
"""


@pytest.mark.parametrize(
    ("form", "sent", "raw"),
    [
        ("y4m", ["-pix_fmt", "yuv444p", "-f", "yuv4mpegpipe"], None),
        ("nut", ["-c:v", "rawvideo", "-pix_fmt", "gbrp", "-fps_mode", "passthrough", "-f", "nut"], None),
        ("raw", ["-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-f", "rawvideo"], "212x120:rgb24:24"),
    ],
)
def test_it_stands_in_the_middle_of_a_shell_pipe(form, sent, raw, data, ffmpeg, tmp_path):
    source = data / "clips/Eyes_212x120.mp4"
    words = [ffmpeg.path, "-v", "error", "-i", source, "-map", "0:v", *sent, "-"]
    before = subprocess.run(words, capture_output=True, check=True).stdout
    words = [sys.executable, "-c", CODE, form, *([raw] if raw else [])]
    done = subprocess.run(words, input=before, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    given, came = tmp_path / f"in.{form}", tmp_path / f"out.{form}"
    given.write_bytes(before)
    came.write_bytes(done.stdout)
    if form == "raw":
        assert done.stdout == before
        return
    went_in, came_out = frames_of(given, ffmpeg), frames_of(came, ffmpeg)
    assert np.abs(came_out.astype(int) - went_in).max() <= (0 if form == "nut" else 2)
    assert probe(came, ffmpeg).video.rate == 24


def test_times_go_through_a_pipe_of_nut(data, ffmpeg, tmp_path):
    source = data / "clips/vfr_ms.mkv"
    sent = ["-c:v", "rawvideo", "-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-f", "nut", "-"]
    words = [ffmpeg.path, "-v", "error", "-i", source, "-map", "0:v", *sent]
    before = subprocess.run(words, capture_output=True, check=True).stdout
    done = subprocess.run([sys.executable, "-c", CODE, "nut"], input=before, capture_output=True, check=True)
    (tmp_path / "out.nut").write_bytes(done.stdout)
    assert frame_times(probe(tmp_path / "out.nut", ffmpeg)) == frame_times(probe(source, ffmpeg))


def test_a_pipe_whose_frames_have_times_ends_after_so_many(data, ffmpeg, tmp_path, lines, monkeypatch):
    source, result = data / "clips/vfr_ms.mkv", tmp_path / "out.mov"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(source.read_bytes())))
    run(Path("-"), result, lines, codec=Codec.FFV1, reading=InputOptions(frames=3))
    np.testing.assert_array_equal(frames_of(result, ffmpeg), frames_of(source, ffmpeg)[:3])


def test_what_is_no_film_on_stdin_is_said(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, "y4m"], input=b"hello", capture_output=True, check=False
    )
    assert (
        done.stderr.decode()
        .splitlines()[-1]
        .endswith("MediaError: stdin: is no video; send y4m, NUT, or raw with --raw-input")
    )


def test_times_go_through_a_latent_file(data, ffmpeg, tiny_weights, tmp_path, lines):
    source, latents, result = data / "clips/vfr_ms.mkv", tmp_path / "a.safetensors", tmp_path / "out.mov"
    model = ModelOptions(vae=tiny_weights)
    encode(EncodeOptions(input=source, output=latents, model=model), lines)
    decode(DecodeOptions(input=latents, output=result, model=model), lines)
    assert frame_times(probe(result, ffmpeg)) == frame_times(probe(source, ffmpeg))
