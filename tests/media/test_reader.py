"""All frames, in order, in the right colors; and an error where some are lost."""

import json
import os
import signal
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.reader import FrameReader, Pixels, Reading
from tests.media.conftest import children, read_all

COUNTS = {
    "h264_10bit.mp4": 12,
    "editlist_trim.mp4": 30,  # 48 are coded, an edit list hides 18
    "vfr_ms.mkv": 20,
    "raw_nots.h264": 30,
    "offset_37s.ts": 48,
    "ntsc_60000_1001.mkv": 30,
    "anim.gif": 8,
    "oneframe.gif": 1,
    "tiny_16x16_1f.mp4": 1,
    "tiny_2x2_3f.mkv": 3,
    "multi.mp4": 48,
}


@pytest.fixture(params=["zscale", "swscale"])
def build(request: pytest.FixtureRequest, ffmpeg: FFmpeg) -> FFmpeg:
    """The ffmpeg at hand as it is, and as a build without zscale would be used."""
    return ffmpeg if request.param == "zscale" else replace(ffmpeg, filters=ffmpeg.filters - {"zscale"})


@pytest.mark.parametrize("name", COUNTS)
def test_every_frame_comes_once(name: str, clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / name, ffmpeg)
    with FrameReader(info, ffmpeg) as reader:
        assert [frame.index for frame in reader] == list(range(COUNTS[name]))
        assert reader.complaints == ()


@pytest.mark.parametrize(
    "name",
    [
        "patches_bt709_lim_420_8.mp4",
        "patches_bt601_full_422_10.mp4",
        "patches_bt2020_lim_444_8.mp4",
        "patches_untagged_hd_8.mp4",
        "patches_untagged_sd_8.mp4",
    ],
)
def test_colors_follow_the_matrix_and_range_of_the_file(name: str, clips: Path, build: FFmpeg) -> None:
    truth = json.loads((clips / "patches.json").read_text())[name]
    side = truth["px"]
    frame = read_all(clips / name, build)[0]
    middles = to_8_bits(frame[side // 2 :: side, side // 2 :: side])
    error = np.abs(middles.astype(int) - np.array(truth["rgb8"]).reshape(4, 8, 3)).max()
    assert error <= (0 if "zscale" in build.filters else 1)


def test_16_bits_arrive_as_they_are(clips: Path, build: FFmpeg) -> None:
    rows, columns = np.mgrid[0:48, 0:64]
    red, green, blue = columns * 65535 // 63, rows * 65535 // 47, (columns + rows) * 65535 // 110
    assert np.array_equal(read_all(clips / "png16.png", build)[0], np.stack([red, green, blue], -1))
    assert np.array_equal(read_all(clips / "gray16.png", build)[0], np.stack([green] * 3, -1))


def test_alpha_is_left_out_and_not_mixed_in(clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / "alpha8.png", ffmpeg)
    assert info.video.alpha
    frame = read_all(clips / "alpha8.png", ffmpeg)[0]
    assert frame.shape == (64, 96, 3)
    assert frame.dtype == np.uint8


def test_limited_gray_is_spread_to_full_range(clips: Path, ffmpeg: FFmpeg) -> None:
    frames = read_all(clips / "gray8.mkv", ffmpeg)
    assert (frames[..., 0] == frames[..., 1]).all()
    assert (frames[..., 0] == frames[..., 2]).all()
    assert (frames.min(), frames.max()) == (0, 245)  # its codes go from 7 to 226


def test_limited_gray_needs_zscale(clips: Path, ffmpeg: FFmpeg) -> None:
    without = replace(ffmpeg, filters=ffmpeg.filters - {"zscale"})
    path = clips / "gray8.mkv"
    with pytest.raises(MediaError) as refused:
        FrameReader(probe(path, ffmpeg), without)
    words = "gray of limited range is not read by an ffmpeg without zscale; take another ffmpeg"
    assert str(refused.value) == f"{path}: {words}"


def test_a_picture_is_turned_upright(clips: Path, ffmpeg: FFmpeg) -> None:
    turned, upright = (read_all(clips / name, ffmpeg)[0] for name in ("exif_6.jpg", "exif_upright.png"))
    assert np.abs(turned.astype(int) - upright).mean() < 2  # what JPEG loses


def test_a_turned_film_is_the_decoded_one_turned(clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / "rot90.mp4", ffmpeg)
    lying = replace(info.video, width=128, height=72, turn=("null",))
    with FrameReader(replace(info, video=lying), ffmpeg) as reader:
        decoded = np.stack([frame.pixels for frame in reader])
    assert np.array_equal(read_all(clips / "rot90.mp4", ffmpeg), np.rot90(decoded, 1, (1, 2)))


@pytest.mark.parametrize("name", ["odd_177x99_420.webm", "odd_420.jpg"])
def test_both_ways_of_conversion_agree_on_an_odd_size(name: str, clips: Path, ffmpeg: FFmpeg) -> None:
    by_zscale = read_all(clips / name, ffmpeg)
    by_swscale = read_all(clips / name, replace(ffmpeg, filters=ffmpeg.filters - {"zscale"}))
    assert by_zscale.shape == by_swscale.shape
    assert np.abs(by_zscale.astype(int) - by_swscale).mean() < 0.5


def read_until_loss(path: Path, ffmpeg: FFmpeg) -> tuple[int, str]:
    """How many frames came before the error, and its line."""
    count = 0
    with FrameReader(probe(path, ffmpeg), ffmpeg) as reader, pytest.raises(MediaError) as lost:
        for _ in reader:
            count += 1
    return count, str(lost.value).removeprefix(f"{path}: ")


def test_lost_frames_are_counted_and_said(clips: Path, ffmpeg: FFmpeg) -> None:
    assert read_until_loss(clips / "truncated_tail.mp4", ffmpeg) == (
        28,
        "28 of 50 frames could be read: the file is cut off: 23,642 bytes are missing",
    )
    assert read_until_loss(clips / "frag_cut60.mp4", ffmpeg) == (
        30,
        "30 frames could be read: the file is cut off: 124 bytes are missing",
    )


def test_a_size_that_changes_on_the_way_is_an_error(clips: Path, ffmpeg: FFmpeg) -> None:
    count, line = read_until_loss(clips / "sizechange.ts", ffmpeg)
    assert 10 <= count <= 12  # ffmpeg 5.1 drops what is still on its way through the filters
    assert line == f"{count} of 24 frames could be read: the size of the picture changes"


def test_a_size_that_is_not_the_probed_one_gives_no_garbage(clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / "h264_10bit.mp4", ffmpeg)
    other = replace(info, video=replace(info.video, width=120))
    with FrameReader(other, ffmpeg) as reader, pytest.raises(MediaError, match="0 of 12 frames"):
        next(iter(reader))


def test_damage_that_loses_no_frame_is_a_complaint(clips: Path, ffmpeg: FFmpeg) -> None:
    with FrameReader(probe(clips / "corrupt_mid.mp4", ffmpeg), ffmpeg) as reader:
        assert sum(1 for _ in reader) == 50
        assert any("error while decoding MB" in line for line in reader.complaints)


def test_packets_without_a_picture_are_no_loss_where_the_decoder_is_content(
    clips: Path, ffmpeg: FFmpeg
) -> None:
    info = probe(clips / "tiny_2x2_3f.mkv", ffmpeg)
    more = replace(info, video=replace(info.video, frames=5))
    with FrameReader(more, ffmpeg) as reader:
        assert sum(1 for _ in reader) == 3
        assert reader.complaints == ("3 of 5 packets held a frame",)


def test_a_file_that_goes_away_after_the_probe_is_an_error(
    clips: Path, tmp_path: Path, ffmpeg: FFmpeg
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes((clips / "h264_10bit.mp4").read_bytes())
    info = probe(path, ffmpeg)
    path.unlink()
    with FrameReader(info, ffmpeg) as reader, pytest.raises(MediaError) as lost:
        next(iter(reader))
    assert str(lost.value) == f"{path}: 0 of 12 frames could be read: no such file or folder"


def test_an_ffmpeg_that_is_killed_on_the_way_is_said(long_film: Path, ffmpeg: FFmpeg) -> None:
    before = children()
    with FrameReader(probe(long_film, ffmpeg), ffmpeg) as reader:
        frames = iter(reader)
        next(frames)
        (child,) = children() - before
        os.kill(child, signal.SIGKILL)
        with pytest.raises(MediaError) as lost:
            list(frames)
    assert str(lost.value).endswith(" of 400 frames could be read: ffmpeg was stopped by SIGKILL")


def test_leaving_early_leaves_no_child(long_film: Path, ffmpeg: FFmpeg) -> None:
    before = children()
    with FrameReader(probe(long_film, ffmpeg), ffmpeg) as reader:
        next(iter(reader))
        assert len(children() - before) == 1
    assert children() == before


def test_an_exception_in_the_block_leaves_no_child(long_film: Path, ffmpeg: FFmpeg) -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), FrameReader(probe(long_film, ffmpeg), ffmpeg) as reader:
        for frame in reader:
            frame.index // 0
    assert children() == before


def test_memory_stays_flat_over_a_long_film(long_film: Path, ffmpeg: FFmpeg) -> None:
    info = probe(long_film, ffmpeg)
    tracemalloc.start()
    with FrameReader(info, ffmpeg) as reader:
        largest = max(frame.pixels.nbytes for frame in reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * largest


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory, ffmpeg: FFmpeg) -> Path:
    """400 frames of 320x240, more than any pipe holds."""
    path = tmp_path_factory.mktemp("long") / "long.mkv"
    source = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-frames:v", "400"]
    with FFmpegProcess(ffmpeg.path, [*source, "-c:v", "libx264", "-preset", "ultrafast", str(path)]) as child:
        assert child.wait() == 0
    return path


def to_8_bits(pixels: Pixels) -> Pixels:
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


NAMES = [
    "with space.mp4",
    'it\'s "quoted".mp4',
    "100% of %d.mp4",
    "frame_%03d.png",
    "-i.mp4",
    ".hidden",
    "ünïcödé 漢字 🎞.mp4",
    "new\nline.mp4",
    "concat:a|b.mp4",
    "http:x.mp4",
    "pipe:0",
    "$(touch made);`touch made`.mp4",
    "back\\slash*?[a]{b}.mp4",
    "n" * 251 + ".mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_just_a_name(
    name: str, clips: Path, tmp_path: Path, ffmpeg: FFmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes((clips / "tiny_2x2_3f.mkv").read_bytes())
    assert read_all(Path(name), ffmpeg).shape == (3, 2, 2, 3)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "name",
    [
        "patches_bt709_lim_420_8.mp4",
        "patches_bt601_full_422_10.mp4",
        "rot90.mp4",
        "odd_177x99_420.webm",
        "gray16.png",
        "alpha8.png",
        "vfr_ms.mkv",
        "editlist_trim.mp4",
    ],
)
def test_small_frames_are_the_same_frames_at_the_same_times(name: str, clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / name, ffmpeg)
    with FrameReader(info, ffmpeg) as reader:
        whole = [(frame.time, frame.pixels) for frame in reader]
    with FrameReader(info, ffmpeg, Reading(small=(16, 9))) as reader:
        small = [(frame.time, frame.pixels) for frame in reader]
    assert [time for time, _ in small] == [time for time, _ in whole]
    depth = 257 if info.video.depth > 8 else 1
    for (_, little), (_, pixels) in zip(small, whole, strict=True):
        assert (little.shape, little.dtype) == ((9, 16, 3), np.uint8)
        assert np.abs(little.mean((0, 1)) - pixels.mean((0, 1)) / depth).max() < 3


def test_a_small_frame_is_upright(clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / "rot90.mp4", ffmpeg)
    with FrameReader(info, ffmpeg, Reading(small=(18, 32))) as reader:
        little = next(iter(reader)).pixels.astype(float)
    whole = read_all(clips / "rot90.mp4", ffmpeg)[0].astype(float).reshape(32, 4, 18, 4, 3).mean((1, 3))
    turned = [whole[::-1], whole[:, ::-1], whole[::-1, ::-1]]
    assert np.abs(little - whole).mean() < min(np.abs(little - other).mean() for other in turned) / 5


@pytest.mark.parametrize("name", ["sizechange.ts", "frag_cut60.mp4"])
def test_a_look_at_small_frames_ends_where_a_reading_does(name: str, clips: Path, ffmpeg: FFmpeg) -> None:
    info, said = probe(clips / name, ffmpeg), []
    for reading in (Reading(), Reading(small=(16, 9))):
        with FrameReader(info, ffmpeg, reading) as reader, pytest.raises(MediaError) as refused:
            list(reader)
        said.append(str(refused.value))
    assert said[0] == said[1]
