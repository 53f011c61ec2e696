"""`decode --compare`: input and output in one file beside the output, made when the job is done."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedvr2_cli.base.choices import Codec, View
from seedvr2_cli.base.errors import OutputError, UsageError
from seedvr2_cli.compare.wipe import compose, line_at
from seedvr2_cli.media.probe import probe
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.encode import encode
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


def test_latents_have_nothing_to_compare_with(data, tiny_weights, tmp_path, lines):
    latents, model = tmp_path / "clip.safetensors", ModelOptions(vae=tiny_weights, device="cpu")
    source = data / "clips/tiny_16x16_1f.mp4"
    encode(EncodeOptions(input=source, output=latents, model=model), lines, load_model)
    with pytest.raises(UsageError) as caught:
        decode(options(latents, tmp_path / "out.mp4", View.GRID), lines, not_loaded)
    assert str(caught.value) == (
        "--compare grid: latents have no pictures to compare with; leave it out, or decode the clip itself"
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
