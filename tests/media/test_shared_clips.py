"""The whole collection of clips against its manifest: size, rate, format, tags, count and way up of each."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.probe import frame_times, probe
from seedvr2_cli.media.reader import FrameReader
from tests.conftest import SHARED
from tests.media.conftest import is_too_new, read_all
from tests.media.test_reader import to_8_bits

pytestmark = pytest.mark.shared

MANIFEST = SHARED / "clips" / "manifest.json"
CLIPS: dict[str, dict[str, Any]] = {
    clip["file"]: clip
    for clip in (json.loads(MANIFEST.read_text())["clips"] if MANIFEST.is_file() else [])
    if clip["kind"] != "sequence"
}
REFUSED = {
    "audio_only.mp4": "has no picture: 1 audio stream",
    "bayer_rggb8.nut": "samples of the kind bayer_rggb8 are not read; convert it first",
    "cover_audio.m4a": "has no picture: 1 audio stream, 1 cover",
    "empty.mp4": "is empty (0 bytes)",
    "fake.mp4": "is no video and no picture",
    "float16.exr": "samples of the kind gbrpf16le are not read; convert it first",
    "float32.exr": "samples of the kind gbrpf32le are not read; convert it first",
    "subtitles_only.mp4": "has no picture: 1 subtitle stream",
    "truncated_head.mp4": "index (moov) missing: the file is cut off",
    "unknown_codec.mp4": "the codec of the picture is unknown",
    "zero_frames.mkv": "has no frames",
    "zero_frames.mp4": "has no frames",
    "zero_frames.y4m": "has no frames",
    "zeros.mp4": "is no video and no picture",
}
LOSSES = {
    "frag_cut60.mp4": "30 frames could be read: the file is cut off: 124 bytes are missing",
    "sizechange.ts": "12 of 24 frames could be read: the size of the picture changes",
    "truncated_tail.mp4": "28 of 50 frames could be read: the file is cut off: 23,642 bytes are missing",
}
RATES = {  # where the manifest has what ffprobe 5.1.9 guessed
    "ntsc_60000_1001.mkv": Fraction(60000, 1001),
    "vfr_ms.mkv": Fraction(19_000, 2774),
    "alpha_anim.webp": Fraction(500, 21),
    "anim.webp": Fraction(10),
}
TURNS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "hflip.mp4": lambda frame: np.fliplr(frame),
    "vflip.mp4": lambda frame: np.flipud(frame),
    "rot180.mp4": lambda frame: np.rot90(frame, 2),
    "rot270.mp4": lambda frame: np.rot90(frame, 3),
    "rot90.mkv": lambda frame: np.rot90(frame, 1),
    "rot90.mp4": lambda frame: np.rot90(frame, 1),
    "rot90_hflip.mp4": lambda frame: np.rot90(frame, 2).transpose(1, 0, 2),
}
RANGES = {"tv": False, "pc": True, None: None}


@pytest.mark.parametrize("name", [name for name in CLIPS if name not in REFUSED])
def test_the_probe_agrees_with_the_manifest(name: str, shared: Path, ffmpeg: FFmpeg) -> None:
    if is_too_new(name, ffmpeg):
        return
    clip = CLIPS[name]
    told = next(stream for stream in clip["probe"]["streams"] if stream["codec_type"] == "video")
    decoded = clip["decoded"]
    info = probe(shared / "clips" / name, ffmpeg)
    video = info.video
    assert f"{video.width}x{video.height}" == decoded.get("size_upright", decoded["size"])
    assert video.frames == (50 if name == "truncated_tail.mp4" else decoded["frames"])
    assert video.pix_fmt == told.get("pix_fmt", "argb")
    if name != "vfr_90k.mp4":  # its index has decoding stamps alone
        meant = 0 if info.still else RATES.get(name, told["avg_frame_rate"])
        assert video.rate == Fraction(meant)
    assert video.variable_rate == name.startswith("vfr_")
    if video.color.matrix != "gbr":  # ffprobe 5.1.9 did not tag all RGB files so
        assert video.color.matrix == told.get("color_space")
    assert video.color.primaries == told.get("color_primaries")
    assert video.color.transfer == told.get("color_transfer")
    assert video.color.full_range == RANGES[told.get("color_range")]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(name: str, shared: Path, ffmpeg: FFmpeg) -> None:
    path = shared / "clips" / name
    with pytest.raises(MediaError) as refused:
        probe(path, ffmpeg)
    assert str(refused.value) == f"{path}: {REFUSED[name]}"


@pytest.mark.parametrize("name", [name for name in CLIPS if name not in REFUSED])
def test_the_reader_gives_as_many_frames_as_the_manifest_counts(
    name: str, shared: Path, ffmpeg: FFmpeg
) -> None:
    if is_too_new(name, ffmpeg):
        return
    path, count, line = shared / "clips" / name, 0, ""
    try:
        with FrameReader(probe(path, ffmpeg), ffmpeg) as reader:
            for frame in reader:
                assert frame.index == count
                count += 1
    except MediaError as lost:
        line = str(lost)
    if name == "sizechange.ts" and count < 12:  # 5.1 drops what is still on its way through the filters
        return
    assert line == (f"{path}: {LOSSES[name]}" if name in LOSSES else "")
    assert count == (12 if name == "sizechange.ts" else CLIPS[name]["decoded"]["frames"])


@pytest.mark.parametrize(
    "name", [n for n in CLIPS if n not in REFUSED | LOSSES and "pts" in CLIPS[n]["decoded"]]
)
def test_the_frames_stand_where_the_manifest_has_them(name: str, shared: Path, ffmpeg: FFmpeg) -> None:
    if is_too_new(name, ffmpeg):
        return
    decoded, info = CLIPS[name]["decoded"], probe(shared / "clips" / name, ffmpeg)
    times = [] if info.still else frame_times(info)
    stamps = decoded["pts"]
    if isinstance(stamps, dict):  # evenly spaced
        stamps = [stamps["first"] + stamps["step"] * i for i in range(stamps["count"])]
    if times:
        meant = [float(Fraction(decoded["time_base"]) * (stamp - stamps[0])) for stamp in stamps]
        assert [float(time) for time in times] == pytest.approx(meant, abs=0.001)


@pytest.mark.parametrize("name", [name for name in CLIPS if name.startswith("patches_")])
@pytest.mark.parametrize("zscale", [True, False])
def test_every_color_patch_has_its_color(name: str, zscale: bool, shared: Path, ffmpeg: FFmpeg) -> None:
    build = ffmpeg if zscale else replace(ffmpeg, filters=ffmpeg.filters - {"zscale"})
    truth = json.loads(MANIFEST.read_text())["patches"]["files"][name]
    side = truth["patch_px"]
    middles = to_8_bits(read_all(shared / "clips" / name, build)[0, side // 2 :: side, side // 2 :: side])
    error = np.abs(middles.astype(int) - np.array(truth["rgb8"]).reshape(4, 8, 3)).max()
    assert error <= (0 if zscale else 1)


@pytest.mark.parametrize("name", TURNS if CLIPS else [])
def test_turned_films_are_shown_as_their_makers_meant(name: str, shared: Path, ffmpeg: FFmpeg) -> None:
    mirrored = read_all(shared / "clips" / "hflip.mp4", ffmpeg)[0]  # all have the same coded pictures
    assert np.array_equal(read_all(shared / "clips" / name, ffmpeg)[0], TURNS[name](np.fliplr(mirrored)))
