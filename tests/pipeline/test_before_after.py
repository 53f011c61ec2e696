"""`decode --compare`: input and output in one file beside the output, made when the job is done."""

import io
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from seedvr2_cli.base.choices import Codec, View
from seedvr2_cli.base.errors import OutputError, UsageError
from seedvr2_cli.compare.wipe import compose, line_at
from seedvr2_cli.media.probe import frame_times, probe
from seedvr2_cli.media.reader import FrameReader, Reading
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.encode import encode
from seedvr2_cli.pipeline.media_options import InputOptions, OutputOptions
from seedvr2_cli.pipeline.model import load_model
from seedvr2_cli.pipeline.options import DecodeOptions, EncodeOptions, ModelOptions
from tests.pipeline.conftest import cut, frames_of, sound_of, unchanged


def options(source: Path, result: Path, view: View, **more) -> DecodeOptions:
    return DecodeOptions(input=source, output=result, model=ModelOptions(vae=source), compare=view, **more)


def not_loaded(options, reporter):
    raise AssertionError("the model was loaded")


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("name", ["bbb_180p_aac", "h264_10bit", "odd_321x241_444"])
def test_it_holds_every_frame_of_both(view, name, data, ffmpeg, tmp_path, lines):
    source = cut(ffmpeg, data / f"clips/{name}.mp4", tmp_path / "in.mp4", frames=12)
    report = decode(options(source, tmp_path / "out.mkv", view, codec=Codec.FFV1), lines, unchanged)
    compared = tmp_path / "out.compare.mkv"
    assert report.outputs == (str(tmp_path / "out.mkv"), str(compared))
    before, after = frames_of(source, ffmpeg), frames_of(tmp_path / "out.mkv", ffmpeg)
    rate = probe(source, ffmpeg).video.rate
    for index, shown in enumerate(frames_of(compared, ffmpeg)):
        at = line_at(index, len(before), rate)
        np.testing.assert_array_equal(shown, compose(view, before[index], after[index], at))
    video = probe(compared, ffmpeg).video
    assert (video.frames, video.rate) == (len(before), rate)
    if name == "bbb_180p_aac":
        assert sound_of(compared) == sound_of(source)
    assert lines.said[-1].startswith(f"[Compare] {compared}: {view}, {video.width}x{video.height}, ")
    assert report.stages[-1][0::2] == ("compare", len(before))


READINGS = {
    "cut": ("bbb_180p_aac.mp4", ".mkv", {"start": Fraction(1), "frames": 5}, range(24, 29)),
    "cut of a variable rate": (
        "vfr_ms.mkv",
        ".mov",
        {"start": Fraction("0.053"), "end": Fraction("0.4")},
        range(2, 7),
    ),
    "variable rate in a file of one rate": ("vfr_ms.mkv", ".avi", {}, range(20)),
}


@pytest.mark.parametrize(("name", "suffix", "cut_to", "kept"), READINGS.values(), ids=READINGS)
def test_the_frames_that_the_job_kept_are_compared_at_their_times(
    name, suffix, cut_to, kept, data, ffmpeg, tmp_path, lines
):
    source, result = data / "clips" / name, tmp_path / f"out{suffix}"
    decode(
        options(source, result, View.SIDE, codec=Codec.FFV1, reading=InputOptions(**cut_to)), lines, unchanged
    )
    compared = tmp_path / f"out.compare{suffix}"
    before = frames_of(source, ffmpeg)[kept.start : kept.stop]
    expected = [compose(View.SIDE, picture, picture, 0) for picture in before]
    np.testing.assert_array_equal(frames_of(compared, ffmpeg), expected)
    assert frame_times(probe(compared, ffmpeg)) == frame_times(probe(result, ffmpeg))


def test_fields_are_made_whole_before_they_are_compared(data, ffmpeg, tmp_path, lines):
    source, result = tmp_path / "fields.mp4", tmp_path / "out.mkv"
    words = ["-i", data / "clips/bbb_180p_aac.mp4", "-vf", "interlace", "-frames:v", "6", "-an"]
    words += ["-c:v", "libx264", "-flags", "+ildct+ilme", "-crf", "10", source]
    subprocess.run([ffmpeg.path, "-v", "error", *words], check=True)
    reading = InputOptions(deinterlace=True)
    decode(options(source, result, View.SIDE, codec=Codec.FFV1, reading=reading), lines, unchanged)
    expected = [compose(View.SIDE, picture, picture, 0) for picture in frames_of(result, ffmpeg)]
    np.testing.assert_array_equal(frames_of(tmp_path / "out.compare.mkv", ffmpeg), expected)


def test_numbered_pictures_are_compared_with_the_film_they_became(data, ffmpeg, tmp_path, lines):
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(3):
        shutil.copy(data / "clips/png16.png", folder / f"{number}.png")
    decode(options(folder, tmp_path / "out.mkv", View.SIDE, codec=Codec.FFV1), lines, unchanged)
    (before, *_) = frames_of(folder, ffmpeg)
    expected = [compose(View.SIDE, before, before, 0)] * 3
    np.testing.assert_array_equal(frames_of(tmp_path / "out.compare.mkv", ffmpeg), expected)


@pytest.mark.parametrize(("name", "suffix"), [("alpha8.png", ".png"), ("alpha_vp9.webm", ".mkv")])
def test_of_a_transparent_output_the_colors_are_compared(name, suffix, data, ffmpeg, tmp_path, lines):
    source, result = data / "clips" / name, tmp_path / f"out{suffix}"
    codec = Codec.FFV1 if suffix == ".mkv" else None
    decode(options(source, result, View.SIDE, codec=codec), lines, unchanged)
    compared = tmp_path / f"out.compare{suffix}"
    assert (probe(result, ffmpeg).video.alpha, probe(compared, ffmpeg).video.alpha) == (True, False)
    with FrameReader(probe(source, ffmpeg), ffmpeg, Reading(alpha=True)) as reader:
        expected = [compose(View.SIDE, frame.pixels, frame.pixels, 0) for frame in reader]
    np.testing.assert_array_equal(frames_of(compared, ffmpeg), expected)


@pytest.mark.parametrize(
    ("name", "suffix", "codec", "pix_fmt", "depth"),
    [
        ("h264_10bit.mp4", ".mp4", None, None, 10),
        ("h264_10bit.mp4", ".mp4", Codec.X264, "yuv420p", 8),
        ("tiny_2x2_3f.mkv", ".mov", Codec.PRORES, None, 10),
        ("alpha_vp9.webm", ".webm", Codec.VP9, "yuva420p", 8),
    ],
)
def test_it_has_the_depth_of_the_output_whatever_the_input_has(
    name, suffix, codec, pix_fmt, depth, data, ffmpeg, tmp_path, lines
):
    result, writing = tmp_path / f"out{suffix}", OutputOptions(pix_fmt=pix_fmt)
    decode(options(data / "clips" / name, result, View.GRID, codec=codec, writing=writing), lines, unchanged)
    compared = probe(tmp_path / f"out.compare{suffix}", ffmpeg).video
    assert (compared.depth, compared.codec) == (depth, probe(result, ffmpeg).video.codec)


@pytest.mark.parametrize(("name", "suffix"), [("png16.png", "png"), ("still_lossless.webp", "webp")])
def test_a_picture_gives_a_picture(name, suffix, data, ffmpeg, tmp_path, lines):
    source, result = data / "clips" / name, tmp_path / f"out.{suffix}"
    decode(options(source, result, View.WIPE), lines, unchanged)
    (before,), (shown,) = frames_of(source, ffmpeg), frames_of(tmp_path / f"out.compare.{suffix}", ffmpeg)
    middle = before.shape[1] // 2
    np.testing.assert_array_equal(shown[20:, : middle - 1], before[20:, : middle - 1])
    assert (shown[:, middle - 1 : middle + 1] == np.iinfo(shown.dtype).max).all()


def test_a_padded_output_is_set_beside_a_padded_input(data, ffmpeg, tmp_path, lines):
    source, result = data / "clips/odd_321x241_444.mp4", tmp_path / "out.mp4"
    decode(options(source, result, View.SIDE, pad_even=True, crf=0), lines, unchanged)
    shown = frames_of(tmp_path / "out.compare.mp4", ffmpeg)
    assert shown.shape[1:] == (242, 2 * 322 + 4, 3)
    error = np.abs(shown[:, 30:, :322].astype(int) - shown[:, 30:, 326:])
    assert error.mean() < 2  # what 4:2:0 changes


def test_the_default_name_stands_beside_the_default_output(data, tmp_path, lines):
    source = tmp_path / "clip.mp4"
    source.write_bytes((data / "clips/tiny_16x16_1f.mp4").read_bytes())
    asked = DecodeOptions(input=source, model=ModelOptions(vae=source), compare=View.GRID)
    decode(asked, lines, unchanged)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"clip.mp4", "clip.decoded.mp4", "clip.decoded.compare.mp4"}


def test_an_existing_one_is_refused_before_anything_is_done(data, tmp_path, lines):
    source, taken = data / "clips/tiny_16x16_1f.mp4", tmp_path / "out.compare.mp4"
    taken.write_bytes(b"mine")
    with pytest.raises(OutputError) as caught:
        decode(options(source, tmp_path / "out.mp4", View.SIDE), lines, not_loaded)
    assert str(caught.value) == f"{taken}: exists already; give --overwrite or another -o"
    assert [path.name for path in tmp_path.iterdir()] == ["out.compare.mp4"]
    assert taken.read_bytes() == b"mine"
    decode(options(source, tmp_path / "out.mp4", View.SIDE, overwrite=True), lines, unchanged)
    assert taken.read_bytes() != b"mine"


def test_the_input_is_never_overwritten(data, tmp_path, lines):
    source = tmp_path / "out.compare.mp4"
    source.write_bytes((data / "clips/tiny_16x16_1f.mp4").read_bytes())
    with pytest.raises(OutputError) as caught:
        decode(options(source, tmp_path / "out.mp4", View.SIDE, overwrite=True), lines, not_loaded)
    assert str(caught.value) == f"{source}: is the input itself; give another -o"


REFUSED = {
    "stdout": ("clip.y4m", "-", "what goes to stdout cannot be read again; give -o a file"),
    "pictures": (
        "clip.y4m",
        "frame_%05d.png",
        "the output is a sequence of pictures, not one film; give -o a film",
    ),
    "stdin": ("-", "out.mp4", "what comes on stdin cannot be read again; give a file as the input"),
}


@pytest.mark.parametrize(("source", "result", "line"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_refused_before_the_model_is_loaded(
    source, result, line, tmp_path, lines, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    film = b"YUV4MPEG2 W16 H16 F24:1 C444\n" + 2 * (b"FRAME\n" + bytes(768))
    Path("clip.y4m").write_bytes(film)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(film)))
    with pytest.raises(UsageError) as caught:
        decode(options(Path(source), Path(result), View.SIDE), lines, not_loaded)
    assert str(caught.value) == f"--compare: {line}"
    assert [path.name for path in tmp_path.iterdir()] == ["clip.y4m"]


def test_latents_have_nothing_to_compare_with(data, tiny_weights, tmp_path, lines):
    latents, model = tmp_path / "clip.safetensors", ModelOptions(vae=tiny_weights, device="cpu")
    source = data / "clips/tiny_16x16_1f.mp4"
    encode(EncodeOptions(input=source, output=latents, model=model), lines, load_model)
    with pytest.raises(UsageError) as caught:
        decode(options(latents, tmp_path / "out.mp4", View.GRID), lines, not_loaded)
    assert str(caught.value) == (
        "--compare: latents have no pictures to compare with; leave it out, or decode the clip itself"
    )


def test_a_picture_that_would_be_too_large_is_refused_before_anything_is_done(tmp_path, lines):
    source = tmp_path / "wide.png"
    Image.new("RGB", (9000, 2)).save(source)
    with pytest.raises(UsageError) as caught:
        decode(options(source, tmp_path / "out.png", View.SIDE), lines, not_loaded)
    assert str(caught.value) == ("--compare side: 18004x2 pixels are beyond 16384x16384; take --compare wipe")


def test_one_that_someone_else_made_meanwhile_is_kept_and_so_is_the_output(data, tmp_path, lines):
    source, taken = data / "clips/tiny_16x16_1f.mp4", tmp_path / "out.compare.mp4"

    def slow(options, reporter):
        taken.write_bytes(b"theirs")
        return unchanged(options, reporter)

    with pytest.raises(OutputError) as caught:
        decode(options(source, tmp_path / "out.mp4", View.SIDE), lines, slow)
    assert str(caught.value) == f"{taken}: exists already; give --overwrite or another -o"
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", "out.compare.mp4"}
    assert taken.read_bytes() == b"theirs"
