"""encode --for-upscale, upscale of the latents, decode: the frames of one run."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from seedvr2_cli.base.choices import Codec, ColorMethod
from seedvr2_cli.base.errors import UsageError, WeightsError
from seedvr2_cli.color.strength import Strength
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.encode import encode
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.options import (
    ColorOptions,
    DecodeOptions,
    EncodeOptions,
    FilmOptions,
    ModelOptions,
    Target,
    TimeOptions,
)
from seedvr2_cli.pipeline.upscale import upscale
from tests.pipeline.conftest import Lines, cut, frames_of, sound_of


@pytest.fixture(scope="module")
def short(data, ffmpeg, tmp_path_factory):
    """Five frames."""
    return cut(ffmpeg, data / "clips/Eyes_212x120.mp4", tmp_path_factory.mktemp("short") / "short.mp4", 5)


@pytest.fixture
def run(tiny, tmp_path, lines):
    """Both ways for a clip; returns the paths of the two films and of the restored latents."""

    def both(clip, *, film=None, color=None, reading=None, before_decode=lambda: None, suffix=".mkv"):
        film, color, reading = film or FilmOptions(), color or ColorOptions(), reading or InputOptions()
        codec = Codec.FFV1 if suffix == ".mkv" else None
        whole, latents = tmp_path / f"whole{suffix}", tmp_path / "a.latents.safetensors"
        job = tiny(
            clip,
            whole,
            target=film.target,
            pad=film.pad,
            time=film.time,
            color=color,
            reading=reading,
            codec=codec,
        )
        upscale(job, lines)
        encode(EncodeOptions(input=clip, output=latents, model=job.model, film=film, reading=reading), lines)
        restored = tmp_path / "a.upscaled.latents.safetensors"
        time = TimeOptions(window=film.time.window, overlap=film.time.overlap)
        report = upscale(tiny(latents, None, color=color, time=time), lines)
        assert report.outputs == (str(restored),)
        before_decode()
        parts = tmp_path / f"parts{suffix}"
        decode(DecodeOptions(input=restored, output=parts, model=job.model, codec=codec), lines)
        return whole, parts, restored

    return both


@pytest.fixture(scope="module")
def latents(data, tiny_vae, tmp_path_factory):
    """What `encode --for-upscale` makes of one small frame."""
    path = tmp_path_factory.mktemp("latents") / "a.latents.safetensors"
    model = ModelOptions(vae=tiny_vae, device="cpu")
    clip = data / "clips/tiny_16x16_1f.mp4"
    encode(EncodeOptions(input=clip, output=path, model=model, film=FilmOptions()), Lines())
    return path


def test_three_commands_give_the_frames_of_one(data, ffmpeg, run, tmp_path):
    cuts = tmp_path / "cuts.txt"
    cuts.write_text("7\n20\n21\n")
    film = FilmOptions(
        target=Target(scale=0.6, allow_downscale=True), time=TimeOptions(cuts=cuts, window=21, overlap=1)
    )
    color = ColorOptions(strength=Strength(1, 0.5, 0.8))
    reading = InputOptions(frames=45)
    whole, parts, _ = run(data / "clips/bbb_180p_aac.mp4", film=film, color=color, reading=reading)
    before, after = frames_of(whole, ffmpeg), frames_of(parts, ffmpeg)
    assert before.shape == (45, 108, 192, 3)
    np.testing.assert_array_equal(after, before)
    assert sound_of(parts) == sound_of(whole)


def test_a_part_of_a_film_is_read_again_as_it_was(data, ffmpeg, run):
    reading = InputOptions(start=InputOptions().start + 1, frames=9)
    whole, parts, _ = run(data / "clips/bbb_180p_aac.mp4", reading=reading)
    before, after = frames_of(whole, ffmpeg), frames_of(parts, ffmpeg)
    assert len(before) == 9
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(("name", "suffix"), [("alpha8.png", ".png"), ("png16.png", ".png")])
def test_a_picture_goes_the_same_way(name, suffix, data, ffmpeg, run):
    whole, parts, _ = run(data / "clips" / name, suffix=suffix)
    assert whole.read_bytes() == parts.read_bytes()


def test_without_its_source_color_is_off_and_said(short, ffmpeg, run, tmp_path, lines):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(short.read_bytes())
    whole, parts, _ = run(clip, before_decode=clip.unlink)
    missing = "clip.mp4 is not where it was, or not as it was"
    assert f"[Input] {missing}: color is off, and nothing of it goes along" in lines.said
    assert frames_of(parts, ffmpeg).shape == frames_of(whole, ffmpeg).shape


def test_another_file_of_the_same_name_is_not_taken(short, ffmpeg, run, tmp_path, lines):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(short.read_bytes())

    def change():
        clip.write_bytes(clip.read_bytes()[:-1] + b"x")

    run(clip, before_decode=change)
    assert any("not as it was" in said for said in lines.said)


def test_the_source_is_found_beside_the_latents_too(short, ffmpeg, run, tmp_path, lines):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    clip = folder / "clip.mp4"
    clip.write_bytes(short.read_bytes())
    whole, parts, _ = run(clip, before_decode=lambda: clip.rename(tmp_path / "clip.mp4"))
    np.testing.assert_array_equal(frames_of(parts, ffmpeg), frames_of(whole, ffmpeg))


def test_the_file_holds_shots_geometry_and_the_source(short, run):
    clip = short
    color = ColorOptions(method=ColorMethod.LAB, strength=Strength(0.5, 1, 1))
    _, _, restored = run(clip, color=color)
    with safe_open(restored, "pt") as file:
        info = json.loads(file.metadata()["seedvr2.latents"])
        assert file.get_slice("mean").get_shape() == [16, 2, 34, 54]
    assert (info["width"], info["height"], info["padding"]) == (424, 240, [8, 32])
    held = info["upscale"]
    assert (held["shots"], held["restored"], held["color"]) == ([0], True, "lab")
    assert held["strength"] == [0.5, 1, 1]
    assert held["path"] == str(clip.absolute())
    assert info["source"]["bytes"] == clip.stat().st_size


def test_what_is_not_for_the_transformer_is_refused(data, tiny, run, tmp_path, lines):
    clip = data / "clips/tiny_16x16_1f.mp4"
    _, _, restored = run(clip)
    with pytest.raises(WeightsError, match="restored already; give them to seedvr2 decode"):
        upscale(tiny(restored, None), lines)
    plain = tmp_path / "plain.safetensors"
    encode(EncodeOptions(input=clip, output=plain, model=tiny(clip, plain).model), lines)
    with pytest.raises(WeightsError, match="not made for upscaling; make them with"):
        upscale(tiny(plain, None), lines)
    for more in ({"target": Target(scale=3)}, {"codec": Codec.X264}):
        with pytest.raises(UsageError, match="is for pictures, and these are latents"):
            upscale(tiny(tmp_path / "a.latents.safetensors", None, **more), lines)


@pytest.mark.parametrize(
    "change",
    [
        {"shots": [0, 1]},
        {"shots": [1]},
        {"shots": [0, "1"]},
        {"shots": []},
        {"pad": "blue"},
        {"path": 3},
        {"path": "a\0b"},
        {"reading": {}},
        {"reading": {"start": "1e999999999", "end": None}},
        {"color": "loud"},
        {"strength": [1, 1]},
        {"strength": [2, 1, 1]},
        {"strength": None},
    ],
)
def test_a_damaged_file_is_refused_in_one_line(change, latents, tiny, tmp_path, lines):
    path = latents
    with safe_open(path, "pt") as file:
        info = json.loads(file.metadata()["seedvr2.latents"])
    info["upscale"] |= change
    bad = tmp_path / "bad.safetensors"
    save_file(load_file(path), bad, {"seedvr2.latents": json.dumps(info)})
    with pytest.raises((WeightsError, UsageError)) as raised:
        upscale(tiny(bad, None), lines)
    assert "\n" not in str(raised.value)
