"""What is written comes back: pictures, tags, rate, sound; and a file that cannot be written is said."""

import hashlib
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import OutputError, ShapeError
from seedvr2_cli.media.carry import Carry
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.containers import CONTAINERS, choose_codec, container_of, plan_streams
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import Color, MediaInfo
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Pixels
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.media.yuv import real_color
from tests.media.conftest import children, read_all
from tests.media.test_reader import NAMES

BT709 = Color("bt709", "bt709", "bt709", full_range=False)
RGB = Color("gbr", None, None, full_range=True)


def spec_for(path: Path, frames: Pixels, codec: str, **others: object) -> OutputSpec:
    still = container_of(path).picture
    spec = OutputSpec(
        path=path,
        final=path,
        width=frames.shape[2],
        height=frames.shape[1],
        depth=8 * frames.itemsize,
        rate=Fraction(0) if still else Fraction(25),
        codec=CODECS[codec],
        color=BT709,
    )
    return replace(spec, tick=Fraction(0), **others)  # type: ignore[arg-type]


def write(spec: OutputSpec, frames: Pixels | Sequence[Pixels], ffmpeg: FFmpeg) -> None:
    with FrameWriter(spec, ffmpeg) as writer:
        for frame in frames:
            writer.write(frame)
        writer.finish()


def copy(source: Path, target: Path, ffmpeg: FFmpeg, codec: Codec | None = None) -> tuple[Pixels, MediaInfo]:
    """Read and write without a model between, as a command does. Returns the frames read, and the output."""
    info = probe(source, ffmpeg)
    with FrameReader(info, ffmpeg) as reader:
        frames = np.stack([frame.pixels for frame in reader])
    spec = spec_for(target, frames, choose_codec(target, codec, picture=info.still).name)
    plan = plan_streams(info, container_of(target), target.suffix)
    carry = None if info.still else Carry(info, plan)
    spec = replace(spec, rate=info.video.rate, tick=Fraction(0), color=real_color(info), sar=info.video.sar)
    spec = replace(spec, carry=carry)
    write(spec, frames, ffmpeg)
    return frames, probe(target, ffmpeg)


def noise(shape: tuple[int, ...], dtype: type) -> Pixels:
    drawn: Pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    return drawn


def smooth(frames: int, height: int, width: int) -> Pixels:
    """Pictures whose chroma changes slowly, so that 4:2:0 loses little."""
    t, y, x = np.mgrid[0:frames, 0:height, 0:width]
    red, green, blue = x * 255 // width, y * 200 // height + 5 * t, 128 + 40 * np.sin(x / 30)
    return np.stack([red, green, blue], -1).astype(np.uint8)


def psnr(a: Pixels, b: Pixels) -> float:
    top = np.iinfo(a.dtype).max
    return float(10 * np.log10(top**2 / ((a.astype(float) - b) ** 2).mean()))


@settings(max_examples=12)
@given(
    width=st.integers(4, 40),
    height=st.integers(4, 40),
    frames=st.integers(1, 4),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    suffix=st.sampled_from([".mkv", ".mov", ".avi"]),
)
def test_ffv1_gives_back_every_bit(
    width: int,
    height: int,
    frames: int,
    dtype: type,
    suffix: str,
    tmp_path_factory: pytest.TempPathFactory,
    ffmpeg: FFmpeg,
) -> None:
    path = tmp_path_factory.mktemp("ffv1") / f"lossless{suffix}"
    pictures = noise((frames, height, width, 3), dtype)
    write(spec_for(path, pictures, "ffv1"), pictures, ffmpeg)
    back = read_all(path, ffmpeg)
    assert back.dtype == dtype
    assert np.array_equal(back, pictures)


@pytest.mark.parametrize(
    ("suffix", "dtype", "exact"),
    [
        (".png", np.uint8, True),
        (".png", np.uint16, True),
        (".webp", np.uint8, True),
        (".webp", np.uint16, False),  # has 8 bits at most
    ],
)
def test_pictures_without_loss(suffix: str, dtype: type, exact: bool, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path = tmp_path / f"picture{suffix}"
    picture = noise((1, 33, 47, 3), dtype)
    write(spec_for(path, picture, CONTAINERS[suffix].codecs[0]), picture, ffmpeg)
    rounded = picture if exact else (picture.astype(np.uint32) * 255 + 32767) // 65535
    assert np.array_equal(read_all(path, ffmpeg), rounded)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_a_jpeg_is_of_high_quality(suffix: str, dtype: type, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path = tmp_path / f"picture{suffix}"
    picture = smooth(1, 65, 97).astype(dtype) * (257 if dtype is np.uint16 else 1)
    write(spec_for(path, picture, "jpeg"), picture, ffmpeg)
    assert probe(path, ffmpeg).video.pix_fmt == "yuvj444p"
    assert psnr(read_all(path, ffmpeg), smooth(1, 65, 97)) > 45


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mkv", ".mov"])
@pytest.mark.parametrize(
    ("dtype", "size", "pixel_format", "least"),
    [
        (np.uint8, (64, 96), "yuv420p", 45),
        (np.uint8, (63, 97), "yuv444p", 45),
        (np.uint16, (64, 96), "yuv420p10le", 50),
        (np.uint16, (63, 97), "yuv444p10le", 55),
    ],
)
def test_x264_comes_near_in_every_container(
    suffix: str,
    dtype: type,
    size: tuple[int, int],
    pixel_format: str,
    least: float,
    tmp_path: Path,
    ffmpeg: FFmpeg,
) -> None:
    path = tmp_path / f"film{suffix}"
    frames = smooth(5, *size).astype(dtype) * (257 if dtype is np.uint16 else 1)
    write(spec_for(path, frames, "x264", crf=1, rate=Fraction(24000, 1001)), frames, ffmpeg)
    video = probe(path, ffmpeg).video
    assert (video.pix_fmt, video.rate, video.frames) == (pixel_format, Fraction(24000, 1001), 5)
    assert video.color == BT709
    assert psnr(read_all(path, ffmpeg), frames) > least


@pytest.mark.parametrize(
    "color",
    [
        BT709,
        Color("smpte170m", "smpte170m", "smpte170m", False),
        Color("bt470bg", "bt470bg", "bt470bg", False),
        Color("bt2020nc", "bt2020", "smpte2084", False),
        Color("bt2020nc", "bt2020", "arib-std-b67", False),
        Color("bt709", "bt709", "iec61966-2-1", True),
        Color("smpte240m", "smpte240m", "smpte240m", False),
        Color("smpte170m", None, None, False),
    ],
)
@pytest.mark.parametrize("zscale", [True, False])
def test_the_tags_say_what_the_codes_are(color: Color, zscale: bool, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    build = ffmpeg if zscale else replace(ffmpeg, filters=ffmpeg.filters - {"zscale"})
    path = tmp_path / "film.mp4"
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [30, 140, 60]], np.uint8)
    frames = colors.repeat(16, 0)[None, None].repeat(16, 1).repeat(2, 0)
    write(spec_for(path, frames, "x264", color=color, crf=0), frames, build)
    assert probe(path, ffmpeg).video.color == color
    middles = read_all(path, ffmpeg)[0, 8, 8::16]
    assert np.abs(middles.astype(int) - colors).max() <= 3  # what 8-bit codes of limited range can hold


def test_the_codes_are_those_of_the_formula(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path = tmp_path / "film.mp4"
    red = np.full((1, 16, 16, 3), (255, 0, 0), np.uint8)
    expected = {"bt709": (63, 102, 240), "smpte170m": (81, 90, 240), "bt2020nc": (74, 97, 240)}
    for matrix, codes in expected.items():
        write(spec_for(path, red, "x264", color=Color(matrix, None, None, False), crf=0), red, ffmpeg)
        with av.open(str(path)) as container:
            planes = next(container.decode(video=0)).planes
            assert tuple(bytes(plane)[0] for plane in planes) == codes


def test_rgb_pictures_become_709_or_601_by_their_size(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    for height, width, matrix in ((16, 16, "smpte170m"), (16, 1280, "bt709"), (578, 16, "bt709")):
        frames = np.zeros((1, height, width, 3), np.uint8)
        write(spec_for(tmp_path / "film.mp4", frames, "x264", color=RGB), frames, ffmpeg)
        color = probe(tmp_path / "film.mp4", ffmpeg).video.color
        assert (color.matrix, color.full_range) == (matrix, False)


COPIES = {
    "h264_10bit.mp4": ("yuv420p10le", 12),
    "hdr10_pq.mp4": ("yuv420p10le", 12),
    "sar_64_45.mp4": ("yuv420p", 12),
    "rot90.mp4": ("yuv420p", 12),
    "odd_177x99_420.webm": ("yuv444p", 12),
    "ntsc_60000_1001.mkv": ("yuv420p", 30),
    "tiny_16x16_1f.mp4": ("yuv420p", 1),
    "editlist_trim.mp4": ("yuv420p", 30),
    "gray8.mkv": ("yuv420p", 12),
    "anim.gif": ("yuv420p", 8),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_keeps_size_rate_shape_and_color(
    name: str, clips: Path, tmp_path: Path, ffmpeg: FFmpeg
) -> None:
    source = probe(clips / name, ffmpeg)
    frames, target = copy(clips / name, tmp_path / "copy.mp4", ffmpeg)
    before, after = source.video, target.video
    assert (after.pix_fmt, after.frames) == COPIES[name]
    assert (after.width, after.height, after.rate, after.sar) == (
        before.width,
        before.height,
        before.rate,
        before.sar,
    )
    assert (after.color.primaries, after.color.transfer) == (before.color.primaries, before.color.transfer)
    if not before.rgb:
        assert after.color == real_color(source)
    assert read_all(tmp_path / "copy.mp4", ffmpeg).shape == frames.shape


def test_a_lossless_copy_of_a_film_is_the_film(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    for name in ("h264_10bit.mp4", "odd_177x99_420.webm", "sar_64_45.mp4"):
        frames, target = copy(clips / name, tmp_path / "copy.mkv", ffmpeg, Codec.FFV1)
        assert np.array_equal(read_all(tmp_path / "copy.mkv", ffmpeg), frames)
        assert target.video.sar == probe(clips / name, ffmpeg).video.sar


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_the_shape_of_pixels_is_kept_exactly(suffix: str, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 48, 64, 3), np.uint8)
    spec = spec_for(tmp_path / f"film{suffix}", frames, "x264", sar=Fraction(160, 99))
    write(spec, frames, ffmpeg)
    assert probe(spec.path, ffmpeg).video.sar == Fraction(160, 99)


def sounds(path: Path) -> list[tuple[str, str]]:
    """Of each sound: its codec, and a hash over its packets."""
    with av.open(str(path)) as container:
        hashes = {stream.index: hashlib.sha256() for stream in container.streams.audio}
        for packet in container.demux(*container.streams.audio):
            if packet.size:  # the last one of each stream is empty
                hashes[packet.stream_index].update(bytes(packet))
        return [(s.codec_context.name, hashes[s.index].hexdigest()) for s in container.streams.audio]


def lag(info: MediaInfo) -> Fraction:
    """Seconds by which the first sound begins after the picture."""
    (first, *_) = [stream for stream in info.others if stream.kind == "audio"]
    assert first.start is not None
    return first.start - info.video.start


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    "name", ["video_late_500ms.mkv", "audio_late_250ms.mp4", "multi.mp4", "vp9_opus.webm", "audio_longer.mp4"]
)
def test_sound_is_copied_and_stays_in_time(
    name: str, suffix: str, clips: Path, tmp_path: Path, ffmpeg: FFmpeg
) -> None:
    target_path = tmp_path / f"copy{suffix}"
    _, target = copy(clips / name, target_path, ffmpeg)
    assert sounds(target_path) == sounds(clips / name)
    # muxers before ffmpeg 9 start all streams at 0: the sound then begins with what decoders drop (21 ms)
    priming = Fraction(22, 1000)
    assert abs(lag(target) - lag(probe(clips / name, ffmpeg))) < Fraction(2, 1000) + priming


def test_a_late_clock_starts_at_zero_and_keeps_the_distance(
    clips: Path, tmp_path: Path, ffmpeg: FFmpeg
) -> None:
    source = probe(clips / "offset_37s.ts", ffmpeg)
    _, target = copy(clips / "offset_37s.ts", tmp_path / "copy.mp4", ffmpeg)
    assert source.video.start == Fraction(389, 10)
    assert target.video.start < Fraction(1, 40)  # the sound begins 21 ms before the picture
    assert abs(lag(target) - lag(source)) < Fraction(1, 1000)


def test_a_picture_that_starts_late_still_does(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    _, target = copy(clips / "video_late_500ms.mkv", tmp_path / "copy.mp4", ffmpeg)
    assert abs(target.video.start - Fraction(1, 2)) < Fraction(1, 1000)


def test_sound_that_outlasts_the_picture_is_kept(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    _, target = copy(clips / "audio_longer.mp4", tmp_path / "copy.mp4", ffmpeg)
    assert target.video.duration == 1
    assert target.duration is not None
    assert target.duration > Fraction(29, 10)


def test_title_chapters_and_languages_come_along(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    _, target = copy(clips / "multi.mp4", tmp_path / "copy.mkv", ffmpeg)
    assert [stream.language for stream in target.others if stream.kind == "audio"] == ["eng", "deu"]
    with av.open(str(tmp_path / "copy.mkv")) as container:
        assert container.metadata["title"] == "Many streams"
        assert len(container.chapters()) == 2


def test_a_sound_that_does_not_fit_is_left_out(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path = tmp_path / "copy.mov"
    source = probe(clips / "vp9_opus.webm", ffmpeg)
    assert plan_streams(source, container_of(path), ".mov").warning is not None
    _, target = copy(clips / "vp9_opus.webm", path, ffmpeg)
    assert target.others == ()


def test_a_wrong_picture_is_refused(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 16, 24, 3), np.uint8)
    with FrameWriter(spec_for(tmp_path / "film.mkv", frames, "ffv1"), ffmpeg) as writer:
        with pytest.raises(ShapeError) as refused:
            writer.write(frames[0, :8])
        assert str(refused.value) == "a picture of (8, 24, 3) uint8, not (16, 24, 3) uint8"
        with pytest.raises(ShapeError, match="uint16, not"):
            writer.write(frames[0].astype(np.uint16))


def test_a_view_is_written_as_it_looks(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 16, 24, 3), np.uint8)[:, ::-1, ::2]
    write(spec_for(tmp_path / "film.mkv", frames, "ffv1"), frames, ffmpeg)
    assert np.array_equal(read_all(tmp_path / "film.mkv", ffmpeg), frames)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_full_disk_is_said(suffix: str, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path, final = tmp_path / f"film.part{suffix}", tmp_path / f"film{suffix}"
    path.symlink_to("/dev/full")
    frames = noise((60, 240, 320, 3), np.uint8)
    spec = spec_for(path, frames, CONTAINERS[suffix].codecs[0], final=final, preset="ultrafast")
    with pytest.raises(OutputError) as full:
        write(spec, frames, ffmpeg)
    assert str(full.value) == f"{final}: no space left on the disk; free some, or give another -o"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 16, 16, 3), np.uint8)
    path = tmp_path / "none" / "film.mkv"
    with pytest.raises(OutputError) as missing:
        write(spec_for(path, frames, "ffv1"), frames, ffmpeg)
    assert str(missing.value) == f"{path}: cannot be written (no such file or folder)"


def test_an_encoder_that_is_killed_is_said(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 240, 320, 3), np.uint8)
    path = tmp_path / "film.mkv"
    before = children()
    with FrameWriter(spec_for(path, frames, "ffv1"), ffmpeg) as writer:
        writer.write(frames[0])
        (child,) = children() - before
        os.kill(child, signal.SIGKILL)
        with pytest.raises(OutputError) as killed:
            for _ in range(100):
                writer.write(frames[0])
    assert str(killed.value) == f"{path}: cannot be written (ffmpeg was stopped by SIGKILL)"


def test_an_encoder_that_this_ffmpeg_lacks_is_said(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 16, 16, 3), np.uint8)
    without = replace(ffmpeg, version="7.0.2", encoders=ffmpeg.encoders - {"libx264"})
    with pytest.raises(OutputError) as missing:
        FrameWriter(spec_for(tmp_path / "film.mp4", frames, "x264"), without)
    line = "this ffmpeg (7.0.2) has no encoder libx264; take another codec or ffmpeg"
    assert str(missing.value) == f"{tmp_path / 'film.mp4'}: {line}"


def test_a_file_without_a_frame_is_an_error(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 16, 16, 3), np.uint8)
    with pytest.raises(OutputError, match="no frame was written"):
        write(spec_for(tmp_path / "film.mkv", frames, "ffv1"), [], ffmpeg)


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_leaving_early_leaves_no_child(stop: type[BaseException], tmp_path: Path, ffmpeg: FFmpeg) -> None:
    frames = noise((1, 240, 320, 3), np.uint8)
    before = children()
    with pytest.raises(stop), FrameWriter(spec_for(tmp_path / "f.mp4", frames, "x264"), ffmpeg) as writer:
        writer.write(frames[0])
        raise stop
    assert children() == before


@pytest.mark.parametrize("suffix", [".png", ".mkv"])
@pytest.mark.parametrize("name", NAMES[:-1])
def test_any_name_can_be_written(
    name: str, suffix: str, tmp_path: Path, ffmpeg: FFmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(name + suffix)
    frames = noise((1, 4, 4, 3), np.uint8)
    write(spec_for(path, frames, "png" if suffix == ".png" else "ffv1"), frames, ffmpeg)
    assert [made.name for made in tmp_path.iterdir()] == [path.name]
    assert np.array_equal(read_all(path, ffmpeg), frames)
