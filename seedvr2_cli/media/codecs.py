"""Table of the codecs that can be written: encoder, pixel formats, options. A row is all a new one needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from seedvr2_cli.base.choices import Codec


@dataclass(frozen=True)
class VideoCodec:
    """What ffmpeg needs to know about a codec.

    formats: by bits of the samples given (8 or 16), the pixel format for even and for odd sizes.
    rated: takes -crf and -preset. lossless: what comes out is what went in, bit for bit, where formats keep
    the depth. still: a picture, not a film.
    """

    name: str
    encoder: str
    formats: Mapping[int, tuple[str, str]]
    options: tuple[str, ...] = ()
    rated: bool = False
    lossless: bool = False
    still: bool = False

    def pixel_format(self, width: int, height: int, depth: int) -> str:
        """The pixel format for pictures of this size (pixels) and depth (8 or 16).

        4:2:0 needs even sizes: an odd one becomes 4:4:4, which not every player shows.
        """
        even, odd = self.formats[depth]
        return odd if width % 2 or height % 2 else even


def is_444(pixel_format: str) -> bool:
    """Whether the format is Y'CbCr with as much chroma as luma."""
    return pixel_format.startswith(("yuv444", "yuvj444"))


def _always(pixel_format: str) -> tuple[str, str]:
    return pixel_format, pixel_format


_ROWS = (
    VideoCodec(
        name=Codec.X264,
        encoder="libx264",
        formats={8: ("yuv420p", "yuv444p"), 16: ("yuv420p10le", "yuv444p10le")},
        rated=True,
    ),
    VideoCodec(
        name=Codec.FFV1,
        encoder="ffv1",
        formats={8: _always("bgr0"), 16: _always("gbrp16le")},
        options=("-level", "3", "-g", "1", "-slicecrc", "1"),
        lossless=True,
    ),
    VideoCodec(
        name="png",
        encoder="png",
        formats={8: _always("rgb24"), 16: _always("rgb48be")},
        lossless=True,
        still=True,
    ),
    VideoCodec(
        name="jpeg",
        encoder="mjpeg",
        formats={8: _always("yuvj444p"), 16: _always("yuvj444p")},
        options=("-q:v", "1", "-qmin", "1"),
        still=True,
    ),
    VideoCodec(
        name="webp",
        encoder="libwebp",
        formats={8: _always("bgra"), 16: _always("bgra")},
        options=("-lossless", "1", "-quality", "100"),
        lossless=True,
        still=True,
    ),
)
CODECS: Mapping[str, VideoCodec] = {row.name: row for row in _ROWS}
