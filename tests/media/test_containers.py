"""Which codec goes into which file, and which sounds go along."""

from dataclasses import replace
from pathlib import Path

import pytest

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.codecs import CODECS, is_444
from seedvr2_cli.media.containers import CONTAINERS, choose_codec, container_of, plan_streams
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import MediaInfo, OtherStream
from seedvr2_cli.media.probe import probe

FILMS = ".mp4, .m4v, .mkv, .mov, .webm, .avi, .nut, .y4m"
PICTURES = ".png, .jpg, .jpeg, .webp, .tif, .tiff"


@pytest.mark.parametrize(
    ("name", "wanted", "still", "codec"),
    [
        ("a.mp4", None, False, "x264"),
        ("a.MKV", None, False, "x264"),
        ("a.mkv", Codec.FFV1, False, "ffv1"),
        ("a.avi", None, False, "ffv1"),
        ("a.png", None, True, "png"),
        ("a.JPG", None, True, "jpeg"),
        ("a.webp", None, True, "webp"),
    ],
)
def test_the_name_chooses_the_codec(name: str, wanted: Codec | None, still: bool, codec: str) -> None:
    assert choose_codec(Path(name), wanted, picture=still).name == codec


@pytest.mark.parametrize(
    ("name", "wanted", "still", "line"),
    [
        ("a.mp4", Codec.FFV1, False, ".mp4 does not hold ffv1; take .mkv or .mov or .avi or .nut"),
        ("a.avi", Codec.X264, False, ".avi does not hold x264; take .mp4 or .m4v or .mkv or .mov or .nut"),
        ("a.png", None, False, f"is the name of a picture, the input is a film; take {FILMS}"),
        ("a.mp4", None, True, f"is the name of a film, the input is a picture; take {PICTURES}"),
        ("a.wmv", None, False, f".wmv is not written; take {FILMS}, {PICTURES}"),
        ("a", None, False, f"has no suffix; take {FILMS}, {PICTURES}"),
    ],
)
def test_what_does_not_go_together_is_said(name: str, wanted: Codec | None, still: bool, line: str) -> None:
    with pytest.raises(UsageError) as refused:
        choose_codec(Path(name), wanted, picture=still)
    assert str(refused.value) == f"{name}: {line}"


@pytest.mark.parametrize(
    ("size", "depth", "pixel_format"),
    [
        ((1920, 1080), 8, "yuv420p"),
        ((1920, 1080), 16, "yuv420p10le"),
        ((1919, 1080), 8, "yuv444p"),
        ((1920, 1079), 16, "yuv444p10le"),
    ],
)
def test_an_odd_size_becomes_444(size: tuple[int, int], depth: int, pixel_format: str) -> None:
    chosen = CODECS["x264"].pixel_format(*size, depth)
    assert chosen == pixel_format
    assert is_444(chosen) == any(side % 2 for side in size)


def test_every_row_of_the_tables_fits_the_others() -> None:
    assert {codec for container in CONTAINERS.values() for codec in container.codecs} == set(CODECS)
    assert set(Codec) < set(CODECS)
    assert {codec.preset in (codec.presets or ("",)) for codec in CODECS.values()} == {True}
    assert all(set(codec.formats) == {8, 16} for codec in CODECS.values())


def with_sounds(info: MediaInfo, *codecs: str) -> MediaInfo:
    others = [OtherStream(1 + n, "audio", codec, None, None) for n, codec in enumerate(codecs)]
    return replace(info, others=tuple(others))


@pytest.mark.parametrize(
    ("sounds", "name", "kept", "warning"),
    [
        (("aac", "ac3"), "a.mp4", (1, 2), None),
        ((), "a.mp4", (), None),
        (
            ("aac", "pcm_s24le"),
            "a.mp4",
            (1,),
            "pcm_s24le sound is left out: .mp4 does not hold it; -o NAME.mkv holds it",
        ),
        (("opus",), "a.mov", (), "opus sound is left out: .mov does not hold it; -o NAME.mp4 holds it"),
        (("mlp",) * 2, "a.mp4", (), "mlp sound is left out: .mp4 does not hold it; -o NAME.mkv holds it"),
        (("odd",), "a.mkv", (), "odd sound is left out: .mkv does not hold it"),
        (("aac",), "a.png", (), "aac sound is left out: .png does not hold it; -o NAME.mp4 holds it"),
    ],
)  # fmt: skip
def test_sounds_that_the_file_cannot_hold_are_named(
    sounds: tuple[str, ...],
    name: str,
    kept: tuple[int, ...],
    warning: str | None,
    clips: Path,
    ffmpeg: FFmpeg,
) -> None:
    source = with_sounds(probe(clips / "tiny_16x16_1f.mp4", ffmpeg), *sounds)
    plan = plan_streams(source, container_of(Path(name)), name[1:])
    assert tuple(stream.index for stream in plan.kept) == kept
    assert plan.warning == warning
