"""One row per clip: with a model that changes nothing and a lossless output, what went in comes out.

Frames, times, transparency, shape of pixels, sounds, titles and chapters are compared; encoder, DURATION and
handler tags are not.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Pixels, Reading
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.options import DecodeOptions, ModelOptions
from tests.conftest import DATA, SHARED
from tests.media.conftest import is_too_new
from tests.pipeline.conftest import unchanged

MEDIA = {
    ".mp4",
    ".m4a",
    ".mkv",
    ".mov",
    ".avi",
    ".webm",
    ".ts",
    ".mpg",
    ".nut",
    ".y4m",
    ".h264",
    ".gif",
    ".apng",
}
MEDIA |= {".png", ".jpg", ".webp", ".tif", ".exr"}
SMALL = sorted(path.name for path in (DATA / "clips").iterdir() if path.suffix in MEDIA)
LARGE = sorted(
    path.name
    for path in (SHARED / "clips").glob("*")
    if path.suffix in MEDIA and path.name not in SMALL and not path.name.startswith("patches_")
)
TICK = {".mov": Fraction(0), ".mkv": Fraction(1, 1000)}


@dataclass(frozen=True)
class Read:
    """All of a file's frames."""

    pixels: Pixels
    alpha: Pixels | None
    times: list[Fraction]


def read(info: MediaInfo, ffmpeg: FFmpeg, *, alpha: bool) -> Read:
    with FrameReader(info, ffmpeg, Reading(alpha=alpha)) as reader:
        frames = list(reader)
    planes = [frame.alpha for frame in frames if frame.alpha is not None]
    times = [frame.time for frame in frames]
    return Read(np.stack([frame.pixels for frame in frames]), np.stack(planes) if planes else None, times)


def sounds(path: Path) -> list[list[bytes]]:
    """The packets of every sound, as they lie in the file."""
    with av.open(str(path)) as file:
        found: dict[int, list[bytes]] = {stream.index: [] for stream in file.streams.audio}
        for packet in file.demux(*file.streams.audio) if found else ():
            if packet.size:
                found[packet.stream_index].append(bytes(packet))
        return list(found.values())


def check(source: Path, suffix: str, ffmpeg: FFmpeg, folder: Path, lines) -> None:
    """Send a clip round and compare; one that cannot be read leaves nothing behind."""
    result = folder / f"out{suffix}"
    try:
        before = probe(source, ffmpeg)
        options = DecodeOptions(
            input=source,
            output=result.with_suffix(".png") if before.still else result,
            model=ModelOptions(vae=source),
            codec=None if before.still else Codec.FFV1,
            reading=InputOptions(deinterlace=False),
        )
        decode(options, lines, unchanged)
    except MediaError:
        assert list(folder.iterdir()) == []
        return
    assert options.output is not None
    after = probe(options.output, ffmpeg)
    has_alpha = before.video.alpha
    went_in, came_out = (read(info, ffmpeg, alpha=has_alpha) for info in (before, after))
    assert came_out.pixels.dtype == went_in.pixels.dtype
    old = ffmpeg.version.startswith("7.")  # its FFV1 loses RGB pictures of two columns
    # damage looks different each time that threads decode it
    if not source.stem.startswith("corrupt") and not (old and before.video.width == 2):
        np.testing.assert_array_equal(came_out.pixels, went_in.pixels)
    if went_in.alpha is not None:
        np.testing.assert_array_equal(came_out.alpha, went_in.alpha)
    if before.still:
        return
    tick = TICK[suffix]
    assert all(abs(a - b) <= tick / 2 for a, b in zip(came_out.times, went_in.times, strict=True))
    assert after.video.variable_rate == before.video.variable_rate
    if not before.video.variable_rate:
        assert after.video.rate == before.video.rate
    assert after.video.sar == before.video.sar
    if not any("sound" in text for text in lines.said if text.startswith("[Output]")):
        for mine, theirs in zip(sounds(options.output), sounds(source), strict=True):
            # a transport stream's AAC has a head of its own on each packet, which other files keep once
            assert all(t.endswith(m) for m, t in zip(mine, theirs, strict=True))
            assert mine == theirs or source.suffix == ".ts"
    assert [(c.start, c.title) for c in after.chapters] == [(c.start, c.title) for c in before.chapters]
    assert title(after) == title(before)


def title(info: MediaInfo) -> dict[str, str]:
    return {
        key.lower(): value
        for key, value in info.tags.items()
        if key.lower() in ("title", "artist", "comment")
    }


@pytest.mark.parametrize("name", SMALL)
def test_a_small_clip_comes_out_as_it_went_in(name, data, ffmpeg, tmp_path, lines):
    if not is_too_new(name, ffmpeg):
        check(data / "clips" / name, ".mov", ffmpeg, tmp_path, lines)


@pytest.mark.shared
@pytest.mark.parametrize("name", LARGE)
def test_every_clip_comes_out_as_it_went_in(name, shared, ffmpeg, tmp_path, lines):
    if not is_too_new(name, ffmpeg):
        check(shared / "clips" / name, ".mov", ffmpeg, tmp_path, lines)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    ["vfr_90k.mp4", "vfr_ms.mkv", "multi.mkv", "audio51_eac3.mkv", "ntsc_24000_1001.mp4", "offset_37s.ts"],
)
def test_matroska_holds_the_same_to_its_millisecond(name, shared, ffmpeg, tmp_path, lines):
    check(shared / "clips" / name, ".mkv", ffmpeg, tmp_path, lines)
    said = [text for text in lines.said if "times are rounded" in text]
    rounded = "[Output] times are rounded to 1 ms, the clock of .mkv; -o NAME.mov keeps them"
    assert said == ([rounded] if name == "vfr_90k.mp4" else [])
