"""What the probe says about files, and about those that cannot be read."""

import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import Color, OtherStream
from seedvr2_cli.media.probe import frame_times, probe
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.survey import WALK_BYTES
from tests.media.conftest import is_too_new, read_all

BT709 = Color("bt709", "bt709", "bt709", False)
UNTAGGED = Color(None, None, None, None)

FACTS: dict[str, dict[str, Any]] = {
    "h264_10bit.mp4": {
        "codec": "h264", "width": 128, "height": 72, "rate": 25, "frames": 12, "pix_fmt": "yuv420p10le",
        "depth": 10, "subsampling": (2, 2), "rgb": False, "alpha": False, "sar": 1, "color": BT709,
        "variable_rate": False, "duration": Fraction(12, 25), "start": 0, "rotation": 0,
    },
    "ntsc_60000_1001.mkv": {"rate": Fraction(60000, 1001), "frames": 30, "variable_rate": False},
    "vfr_ms.mkv": {"rate": Fraction(19 * 1000, 2774), "frames": 20, "variable_rate": True},
    "editlist_trim.mp4": {"rate": 24, "frames": 30, "start": 0},
    "raw_nots.h264": {"rate": 25, "frames": 30, "variable_rate": False},
    "offset_37s.ts": {"rate": 24, "frames": 48, "start": Fraction(389, 10)},
    "video_late_500ms.mkv": {"start": Fraction(1, 2), "frames": 48},
    "rot90.mp4": {"width": 72, "height": 128, "rotation": 90},
    "sar_64_45.mp4": {"width": 90, "height": 72, "sar": Fraction(64, 45)},
    "odd_177x99_420.webm": {"width": 177, "height": 99, "subsampling": (2, 2), "codec": "vp9"},
    "hdr10_pq.mp4": {"codec": "hevc", "color": Color("bt2020nc", "bt2020", "smpte2084", False)},
    "patches_bt601_full_422_10.mp4": {"subsampling": (2, 1), "color": Color(*["smpte170m"] * 3, True)},
    "patches_untagged_hd_8.mp4": {"color": UNTAGGED},
    "alpha_vp9.webm": {"pix_fmt": "yuv420p", "alpha": True},
    "gray8.mkv": {"pix_fmt": "gray", "rgb": False, "subsampling": (1, 1)},
    "anim.gif": {"rate": 10, "frames": 8, "rgb": True},
    "anim.webp": {"rate": 10, "frames": 8, "width": 96, "height": 64, "codec": "webp", "alpha": True},
    "png16.png": {"rate": 0, "frames": 1, "depth": 16, "rgb": True, "alpha": False, "pix_fmt": "rgb48be"},
    "alpha8.png": {"rate": 0, "alpha": True, "depth": 8},
    "png_named.mp4": {"alpha": True, "pix_fmt": "rgba"},
    "exif_6.jpg": {"rate": 0, "width": 48, "height": 32, "rotation": 270},
    "cmyk.jpg": {"rate": 0, "rgb": True, "alpha": False},
    "oneframe.gif": {"rate": 0, "frames": 1},
    "tiny_16x16_1f.mp4": {"rate": 25, "frames": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_the_facts_of_a_stream(name: str, clips: Path, ffmpeg: FFmpeg) -> None:
    if is_too_new(name, ffmpeg):
        return
    video = probe(clips / name, ffmpeg).video
    assert {fact: getattr(video, fact) for fact in FACTS[name]} == FACTS[name]


@pytest.mark.parametrize(
    ("name", "container", "still"),
    [
        ("h264_10bit.mp4", "mov", False),
        ("tiny_2x2_3f.mkv", "matroska", False),
        ("tiny_16x16_1f.mp4", "mov", False),  # a film of one frame is a film
        ("anim.gif", "gif", False),
        ("oneframe.gif", "gif", True),
        ("png16.png", "png_pipe", True),
        ("png_named.mp4", "png_pipe", True),  # the content decides
        ("odd_420.jpg", "jpeg_pipe", True),
    ],
)
def test_pictures_and_films_are_told_apart(
    name: str, container: str, still: bool, clips: Path, ffmpeg: FFmpeg
) -> None:
    info = probe(clips / name, ffmpeg)
    assert (info.container, info.still) == (container, still)


def test_the_size_is_the_one_that_this_ffmpeg_shows(clips: Path, ffmpeg: FFmpeg) -> None:
    video = probe(clips / "crop_mkv.mkv", ffmpeg).video
    coded = is_too_new("crop_mkv.mkv", ffmpeg)
    assert (video.width, video.height) == ((128, 96) if coded else (116, 72))
    assert read_all(clips / "crop_mkv.mkv", ffmpeg).shape == (12, video.height, video.width, 3)


def test_a_picture_whose_alpha_says_nothing_is_opaque(tmp_path: Path, clips: Path, ffmpeg: FFmpeg) -> None:
    opaque = tmp_path / "opaque.png"
    arguments = ["-i", str(clips / "exif_upright.png"), "-pix_fmt", "rgba", str(opaque)]
    with FFmpegProcess(ffmpeg.path, arguments) as process:
        assert process.wait() == 0
    video = probe(opaque, ffmpeg).video
    assert (video.pix_fmt, video.alpha) == ("rgba", False)


def test_other_streams_are_listed_and_a_cover_is_no_film(clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / "multi.mp4", ffmpeg)
    assert info.video.index == 0
    first, second, *_ = info.others
    assert first == OtherStream(
        index=1,
        kind="audio",
        codec="aac",
        language="eng",
        start=Fraction(0),
        channels=1,
        tags={"language": "eng", "handler_name": "SoundHandler"},
        dispositions=("default",),
    )
    assert (second.language, second.dispositions) == ("deu", ())
    assert [stream.kind for stream in info.others[2:]] == ["subtitle", "data", "cover"]


def test_a_second_picture_behind_the_first_is_not_a_film(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    twice = tmp_path / "phone.jpg"
    twice.write_bytes((clips / "exif_6.jpg").read_bytes() + (clips / "odd_420.jpg").read_bytes())
    info = probe(twice, ffmpeg)
    assert info.still
    assert (info.video.width, info.video.height, info.video.frames) == (48, 32, 1)


def test_an_avif_is_a_picture(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    picture = tmp_path / "picture.avif"
    arguments = ["-i", str(clips / "exif_upright.png"), "-c:v", "libaom-av1", "-cpu-used", "8"]
    with FFmpegProcess(
        ffmpeg.path, [*arguments, "-pix_fmt", "yuv444p", "-f", "avif", str(picture)]
    ) as process:
        assert process.wait() == 0
    info = probe(picture, ffmpeg)
    assert (info.still, info.video.codec, info.video.rate) == (True, "av1", 0)


def test_a_cut_off_file_is_known_before_it_is_read(clips: Path, ffmpeg: FFmpeg) -> None:
    info = probe(clips / "truncated_tail.mp4", ffmpeg)
    assert (info.video.frames, info.missing_bytes) == (50, 23_642)
    assert probe(clips / "frag_cut60.mp4", ffmpeg).missing_bytes == 124
    assert probe(clips / "h264_10bit.mp4", ffmpeg).missing_bytes == 0


def test_a_recording_that_starts_between_key_frames_counts_what_can_be_shown(
    clips: Path, tmp_path: Path, ffmpeg: FFmpeg
) -> None:
    whole = (clips / "raw_nots.h264").read_bytes()
    starts = [at for at in range(len(whole) - 4) if whole[at : at + 4] == b"\0\0\0\1"]
    headless = tmp_path / "headless.h264"
    headless.write_bytes(whole[starts[len(starts) // 3] :])
    frames = probe(headless, ffmpeg).video.frames
    assert frames is not None
    assert frames < 30


STAMPS = {  # milliseconds after the first: the first ones, and how many there are
    "vfr_ms.mkv": ([0, 20, 54, 102], 20),
    "video_late_500ms.mkv": ([0, 42, 83, 125], 48),
    "editlist_trim.mp4": ([0, 42, 83, 125], 30),  # its index has decoding stamps, and hides frames
    "offset_37s.ts": ([0, 42, 83, 125], 48),
    "anim.webp": ([0, 100, 200, 300], 8),
}


@pytest.mark.parametrize("name", STAMPS)
def test_when_the_frames_are_shown(name: str, clips: Path, ffmpeg: FFmpeg) -> None:
    if is_too_new(name, ffmpeg):
        return
    times = [round(1000 * time) for time in frame_times(probe(clips / name, ffmpeg))]
    assert (times[:4], len(times)) == STAMPS[name]


def test_only_the_beginning_of_a_long_file_without_an_index_is_walked(
    clips: Path, ffmpeg: FFmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WALK_BYTES == 8 << 30
    monkeypatch.setattr("seedvr2_cli.media.survey.WALK_BYTES", 20_000)
    video = probe(clips / "offset_37s.ts", ffmpeg).video
    assert (video.frames, video.rate, video.start) == (None, 24, Fraction(389, 10))


REFUSED = {
    "audio_only.mp4": "has no picture: 1 audio stream",
    "cover_audio.m4a": "has no picture: 1 audio stream, 1 cover",
    "subtitles_only.mp4": "has no picture: 1 subtitle stream",
    "zero_frames.mkv": "has no frames",
    "zero_frames.mp4": "has no frames",
    "zero_frames.y4m": "has no frames",
    "bayer_rggb8.nut": "samples of the kind bayer_rggb8 are not read; convert it first",
    "float32.exr": "samples of the kind gbrpf32le are not read; convert it first",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_without_a_film_is_refused(name: str, clips: Path, ffmpeg: FFmpeg) -> None:
    with pytest.raises(MediaError) as refused:
        probe(clips / name, ffmpeg)
    assert str(refused.value) == f"{clips / name}: {REFUSED[name]}"


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def y4m(width: int, height: int) -> bytes:
    return f"YUV4MPEG2 W{width} H{height} F25:1\nFRAME\n".encode() + bytes(100)


def test_forged_files_are_refused_in_one_line(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    film = (clips / "tiny_16x16_1f.mp4").read_bytes()
    headless = (clips / "truncated_tail.mp4").read_bytes().replace(b"moov", b"uuid")
    forged = {
        b"": "is empty (0 bytes)",
        bytes(4096): "is no video and no picture",
        b"only a line of text": "is no video and no picture",
        headless: "index (moov) missing: the file is cut off",
        film.replace(b"avc1", b"zzz1"): "the codec of the picture is unknown",
        png(60_000, 60_000): "has no frame that can be decoded",
        y4m(20_000, 16): "20000x16 pixels are beyond 16384x16384",
    }
    path = tmp_path / "forged.mp4"
    for data, words in forged.items():
        path.write_bytes(data)
        with pytest.raises(MediaError) as refused:
            probe(path, ffmpeg)
        assert str(refused.value) == f"{path}: {words}"


def test_titles_in_no_known_alphabet_do_not_matter(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path = tmp_path / "latin.mp4"
    data = (clips / "multi.mp4").read_bytes()
    assert b"Many streams" in data
    path.write_bytes(data.replace(b"Many streams", b"\xff\xfe\xe9y streams"))
    assert probe(path, ffmpeg).video.frames == 48


def test_a_forged_offset_before_the_file_is_no_crash(clips: Path, tmp_path: Path, ffmpeg: FFmpeg) -> None:
    path = tmp_path / "cut.nut"  # its demuxer seeks from the end for an index that is not there
    path.write_bytes((clips / "bayer_rggb8.nut").read_bytes()[:7750])
    with pytest.raises(MediaError, match="samples of the kind bayer_rggb8"):
        probe(path, ffmpeg)


WOUNDS = st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=20))  # place, bytes


@settings(max_examples=20)
@given(
    name=st.sampled_from(["h264_10bit.mp4", "tiny_2x2_3f.mkv", "anim.webp", "exif_6.jpg", "raw_nots.h264"]),
    wounds=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=20)), max_size=8
    ),
    kept=st.floats(0.05, 1),
)
def test_a_damaged_file_is_read_or_refused(
    name: str, wounds: list[tuple[float, bytes]], kept: float, clips: Path, ffmpeg: FFmpeg
) -> None:
    data = bytearray((clips / name).read_bytes())
    for place, wound in wounds:
        at = int(place * len(data))
        data[at : at + len(wound)] = wound
    with tempfile.NamedTemporaryFile() as file:
        file.write(data[: int(kept * len(data))])
        file.flush()
        with suppress(MediaError):
            read_all(Path(file.name), ffmpeg)


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile {secret}\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "hls far down": " " * 5000 + "#EXTM3U\n#EXTINF:2.0,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{secret}</BaseURL>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "txt"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_opens_no_other_file(
    kind: str, suffix: str, clips: Path, tmp_path: Path, ffmpeg: FFmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.mp4").write_bytes((clips / "tiny_16x16_1f.mp4").read_bytes())
    path = Path(f"list.{suffix}")
    secret = "secret.mp4" if kind == "concat" else str(tmp_path / "secret.mp4")
    path.write_text(PLAYLISTS[kind].format(secret=secret))
    with pytest.raises(MediaError) as refused:
        probe(path, ffmpeg)
    is_list = "is a playlist: it points to other files; name a film itself"
    assert str(refused.value) == f"{path}: " + ("is no video and no picture" if "far" in kind else is_list)


def test_what_is_no_file_is_refused(tmp_path: Path, ffmpeg: FFmpeg) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused = {
        tmp_path / "none.mp4": "no such file",
        tmp_path: "has no numbered pictures; name them as frame_00001.png",
        pipe: "is no regular file; save it to a file first",
        tmp_path / ("n" * 300): "cannot be read (File name too long)",
    }
    for path, words in refused.items():
        with pytest.raises(MediaError) as error:
            probe(path, ffmpeg)
        assert str(error.value) == f"{path}: {words}"
    with pytest.raises(MediaError, match="cannot be read"):
        probe(Path("nu\0ll.mp4"), ffmpeg)


def test_a_file_that_may_not_be_read_is_refused(clips: Path, ffmpeg: FFmpeg) -> None:
    locked = Path("/tmp") / f"seedvr2-locked-{os.getpid()}.mp4"
    locked.write_bytes((clips / "tiny_16x16_1f.mp4").read_bytes())
    locked.chmod(0)
    try:
        with _as_somebody_else(), pytest.raises(MediaError) as refused:
            probe(locked, ffmpeg)
    finally:
        locked.unlink()
    assert str(refused.value) == f"{locked}: cannot be read (Permission denied)"


@contextmanager
def _as_somebody_else() -> Iterator[None]:
    """Lay down the rights of root for a while: nothing is forbidden to it."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)
