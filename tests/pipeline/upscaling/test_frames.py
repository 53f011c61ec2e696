"""All but the models changes nothing: frames in, resized frames out, whatever the shots and windows are."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.choices import Codec, ColorMethod, Pad, ShotDetector, View
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Reading
from seedvr2_cli.pipeline.frames import to_pixels
from seedvr2_cli.pipeline.options import (
    ColorOptions,
    ModelOptions,
    Target,
    TimeOptions,
    TransformerOptions,
    UpscaleOptions,
)
from seedvr2_cli.pipeline.upscale import upscale
from seedvr2_cli.prepare.prepare import unit_frames
from seedvr2_cli.prepare.resize import resize
from tests.pipeline.conftest import frames_of, sound_of
from tests.pipeline.upscaling.conftest import Loader

OFF = ColorOptions(method=ColorMethod.OFF)
SAME = Target(scale=1)


def options(source, result, **more):
    given = {"codec": Codec.FFV1 if result.suffix == ".mkv" else None, "color": OFF} | more
    return UpscaleOptions(input=source, output=result, model=ModelOptions(), overwrite=True, **given)


def resized(frames, size):
    """Frames (n, H, W, 3) as the tool is to resize them to size (width, height)."""
    kind = np.uint8 if frames.dtype == np.uint8 else np.uint16
    shown = resize(unit_frames(list(frames)), size)
    return to_pixels((shown * 2 - 1).transpose(0, 1)[None], size, kind)


@pytest.mark.parametrize("name", ["bbb_180p_aac", "Eyes_212x120", "odd_321x241_444", "h264_10bit"])
def test_a_clip_at_its_own_size_comes_out_as_it_went_in(name, data, ffmpeg, tmp_path, lines, loader):
    source, result = data / f"clips/{name}.mp4", tmp_path / "out.mkv"
    report = upscale(options(source, result, target=SAME), lines, loader)
    before, after = frames_of(source, ffmpeg), frames_of(result, ffmpeg)
    assert before.dtype == after.dtype
    np.testing.assert_array_equal(after, before)
    assert report.plan["frames"] == len(before)
    if name == "bbb_180p_aac":
        assert sound_of(result) == sound_of(source)
    assert probe(result, ffmpeg).video.rate == probe(source, ffmpeg).video.rate


@pytest.mark.parametrize("pad", list(Pad))
def test_a_larger_picture_is_the_resized_one_and_padding_leaves_no_trace(
    pad, data, ffmpeg, tmp_path, lines, loader
):
    source, result = data / "clips/Eyes_212x120.mp4", tmp_path / "out.mkv"
    upscale(options(source, result, target=Target(resolution=186), pad=pad), lines, loader)
    before, after = frames_of(source, ffmpeg), frames_of(result, ffmpeg)
    np.testing.assert_array_equal(after, resized(before, (329, 186)))


def test_without_a_target_both_sides_are_doubled(data, ffmpeg, tmp_path, lines, loader):
    source, result = data / "clips/tiny_16x16_1f.mp4", tmp_path / "out.mkv"
    upscale(options(source, result), lines, loader)
    assert frames_of(result, ffmpeg).shape == (1, 32, 32, 3)


@pytest.mark.parametrize("name", ["png16.png", "odd_420.jpg", "exif_6.jpg", "still_lossless.webp"])
def test_a_picture_is_one_frame(name, data, ffmpeg, tmp_path, lines, loader):
    source, result = data / "clips" / name, tmp_path / "out.png"
    upscale(options(source, result), lines, loader)
    before, after = frames_of(source, ffmpeg), frames_of(result, ffmpeg)
    _, height, width, _ = before.shape
    np.testing.assert_array_equal(after, resized(before, (2 * width, 2 * height)))
    assert loader.vae.shots == [1]


@pytest.mark.parametrize(("name", "output"), [("alpha8.png", "out.png"), ("alpha_vp9.webm", "out.mkv")])
def test_transparency_goes_along_resized(name, output, data, ffmpeg, tmp_path, lines, loader):
    source, result = data / "clips" / name, tmp_path / output
    upscale(options(source, result), lines, loader)
    planes = []
    for path in (source, result):
        with FrameReader(probe(path, ffmpeg), ffmpeg, Reading(alpha=True)) as reader:
            planes.append(np.stack([frame.alpha for frame in reader]))
    before, after = planes
    count, height, width = before.shape
    assert after.shape == (count, 2 * height, 2 * width)
    wanted = resized(np.repeat(before[..., None], 3, 3), (2 * width, 2 * height))[..., 0]
    np.testing.assert_array_equal(after, wanted)


def test_a_folder_of_pictures_is_a_film(data, ffmpeg, tmp_path, lines, loader):
    folder = tmp_path / "stills"
    folder.mkdir()
    picture = (data / "clips/png16.png").read_bytes()
    for k in range(3):
        (folder / f"{k:03}.png").write_bytes(picture)
    report = upscale(options(folder, tmp_path / "out.mkv"), lines, loader)
    assert report.plan["frames"] == 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(1, 71), unique=True, max_size=12).map(sorted),
    window=st.integers(30, 80),
    share=st.integers(0, 2),
)
def test_frames_do_not_depend_on_shots_and_windows(cuts, window, share, data, ffmpeg, tmp_path, lines):
    source, result, listed = data / "clips/Eyes_212x120.mp4", tmp_path / "out.mkv", tmp_path / "cuts.txt"
    listed.write_text("".join(f"{cut}\n" for cut in cuts))
    loader = Loader()
    time = TimeOptions(cuts=listed, window=window, overlap=share)
    report = upscale(options(source, result, target=SAME, time=time), lines, loader)
    np.testing.assert_array_equal(frames_of(result, ffmpeg), frames_of(source, ffmpeg))
    starts = [0, *cuts]
    lengths = [b - a for a, b in zip(starts, [*starts[1:], 72], strict=True)]
    assert [shot[1] for shot in report.plan["shots"]] == lengths
    assert loader.vae.shots == [-(-(n - 1) // 4) * 4 + 1 for n in lengths]
    assert len(loader.transformer.noises) == sum(shot[2] for shot in report.plan["shots"])


@pytest.mark.shared
@pytest.mark.parametrize("detector", [ShotDetector.AUTO, ShotDetector.SCENE])
def test_shots_are_found_where_nothing_is_given(detector, shared, tmp_path, lines, loader):
    time = TimeOptions(detector=detector)
    job = options(shared / "clips/bbb_shots_270p.mp4", tmp_path / "out.mkv", target=SAME, time=time)
    report = upscale(job, lines, loader)
    assert [shot[0] for shot in report.plan["shots"]] == [0, 23, 70, 113, 153, 233]


def test_times_of_a_variable_rate_are_kept(data, ffmpeg, tmp_path, lines, loader):
    source, result = data / "clips/vfr_ms.mkv", tmp_path / "out.mkv"
    upscale(options(source, result, target=SAME), lines, loader)
    times = []
    for path in (source, result):
        with FrameReader(probe(path, ffmpeg), ffmpeg) as reader:
            times.append([frame.time for frame in reader])
    assert times[0] == times[1]


def test_color_and_strength_bring_the_input_back(data, ffmpeg, tmp_path, lines, loader):
    """What a transformer ruins is gone at strength 0, and by default where it is coarse."""
    source, result = data / "clips/Eyes_212x120.mp4", tmp_path / "out.mkv"
    loader.transformer.restore = lambda noise, condition, tell: condition * 0.5 + 0.4
    before = resized(frames_of(source, ffmpeg), (424, 240)).astype(float)
    errors = {}
    for name, color in {
        "off": OFF,
        "default": ColorOptions(),
        "none": ColorOptions(strength=ColorOptions().strength.parse("0")),
    }.items():
        upscale(options(source, result, color=color), lines, loader)
        errors[name] = np.abs(frames_of(result, ffmpeg) - before).mean()
    assert errors["off"] > 20
    assert errors["default"] < errors["off"] / 4
    assert errors["none"] == 0


def test_the_same_seed_gives_the_same_noise_and_another_one_another(data, tmp_path, lines):
    source = data / "clips/Eyes_212x120.mp4"
    drawn = []
    for seed in (1, 1, 2):
        loader = Loader()
        transformer = TransformerOptions(seed=seed)
        upscale(options(source, tmp_path / "out.mkv", target=SAME, transformer=transformer), lines, loader)
        drawn.append(torch.cat(loader.transformer.noises))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_before_and_after_show_the_whole_input(data, ffmpeg, tmp_path, lines, loader):
    source, result = data / "clips/Eyes_212x120.mp4", tmp_path / "out.mkv"
    upscale(options(source, result, compare=View.SIDE), lines, loader)
    shown = frames_of(tmp_path / "out.compare.mkv", ffmpeg).astype(float)
    after = frames_of(result, ffmpeg).astype(float)
    left, right = shown[:, 40:, :424], shown[:, 40:, -424:]  # below the labels
    np.testing.assert_array_equal(right, after[:, 40:])
    assert np.abs(left - right).mean() < 4  # two ways to enlarge one picture
