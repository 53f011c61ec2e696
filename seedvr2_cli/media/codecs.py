"""Table of the codecs that can be written: encoder, pixel formats, options. A row is all a new one needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.ffmpeg import FFmpeg, ask


@dataclass(frozen=True, kw_only=True)
class VideoCodec:
    """What ffmpeg needs to know about a codec.

    formats: by bits of the samples given (8 or 16), the pixel format for even and for odd sizes; alpha: the
    one that holds transparency, where there is one. quality: the option that --crf sets, up to worst.
    presets: the words for --preset. parameters: the option that takes a list of `key=value`, with those that
    are always given. lossless: what comes out is what went in, where formats keep the depth.
    """

    name: str
    encoder: str
    formats: Mapping[int, tuple[str, str]]
    alpha: Mapping[int, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    quality: str | None = None
    worst: int = 51
    presets: tuple[str, ...] = ()
    preset: str = ""
    parameters: tuple[str, ...] = ()
    lossless: bool = False

    def pixel_format(self, width: int, height: int, depth: int, *, alpha: bool = False) -> str:
        """The pixel format for pictures of this size (pixels) and depth (8 or 16).

        4:2:0 needs even sizes: an odd one becomes 4:4:4, which not every player shows.
        """
        if alpha and depth in self.alpha:
            return self.alpha[depth]
        even, odd = self.formats[depth]
        return odd if width % 2 or height % 2 else even


def is_444(pixel_format: str) -> bool:
    """Whether the format is Y'CbCr with as much chroma as luma."""
    return pixel_format.startswith(("yuv444", "yuvj444", "yuva444"))


def has_alpha(pixel_format: str) -> bool:
    """Whether the format holds transparency."""
    return pixel_format.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16"))


def depth_of(pixel_format: str) -> int:
    """Bits of a sample of a planar or packed format that an encoder takes."""
    if pixel_format.startswith(("rgb48", "rgba64", "ya16")):
        return 16
    found = re.search(r"(?:p|gray|p0|p2)(\d\d?)(?:msb)?[lb]e$", pixel_format)
    return int(found[1]) if found else 8


def check_pixel_format(codec: VideoCodec, pixel_format: str, ffmpeg: FFmpeg) -> None:
    """Raise UsageError unless the encoder at hand takes the format."""
    listed = re.search(r"Supported pixel formats: (.*)", ask(ffmpeg.path, "-h", f"encoder={codec.encoder}"))
    known = listed[1].split() if listed else [pixel_format]
    if pixel_format not in known:
        what = f"{codec.name} does not take {pixel_format}"
        raise UsageError(what, where="--pix-fmt", do=f"take {', '.join(known)}")


def _always(pixel_format: str) -> tuple[str, str]:
    return pixel_format, pixel_format


_420 = {8: ("yuv420p", "yuv444p"), 16: ("yuv420p10le", "yuv444p10le")}
_420_ALONE = {8: _always("yuv420p"), 16: _always("yuv420p10le")}
_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_NVENC = ("-rc", "vbr", "-b:v", "0")
_NVENC_PRESETS = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")

_ROWS = (
    VideoCodec(
        name=Codec.X264,
        encoder="libx264",
        formats=_420,
        quality="-crf",
        presets=_X26X,
        preset="medium",
        parameters=("-x264-params",),
    ),
    VideoCodec(
        name=Codec.X265,
        encoder="libx265",
        formats=_420,
        quality="-crf",
        presets=_X26X,
        preset="medium",
        parameters=("-x265-params", "log-level=error"),
    ),
    VideoCodec(
        name=Codec.SVTAV1,
        encoder="libsvtav1",
        formats=_420_ALONE,
        quality="-crf",
        worst=63,
        presets=tuple(map(str, range(14))),
        preset="6",
        parameters=("-svtav1-params",),
    ),
    VideoCodec(
        name=Codec.VP9,
        encoder="libvpx-vp9",
        formats=_420,
        alpha={8: "yuva420p"},
        options=("-b:v", "0", "-row-mt", "1"),
        quality="-crf",
        worst=63,
    ),
    VideoCodec(
        name=Codec.FFV1,
        encoder="ffv1",
        formats={8: _always("bgr0"), 16: _always("gbrp16le")},
        alpha={8: "bgra", 16: "gbrap16le"},
        options=("-level", "3", "-g", "1", "-slicecrc", "1"),
        lossless=True,
    ),
    VideoCodec(
        name=Codec.PRORES,
        encoder="prores_ks",
        formats={8: _always("yuv422p10le"), 16: _always("yuv422p10le")},
        alpha={8: "yuva444p10le", 16: "yuva444p10le"},
        options=("-vendor", "apl0"),
    ),
    VideoCodec(
        name=Codec.UTVIDEO,
        encoder="utvideo",
        formats={8: _always("gbrp"), 16: _always("gbrp")},
        alpha={8: "gbrap", 16: "gbrap"},
        lossless=True,
    ),
    VideoCodec(
        name=Codec.QTRLE,
        encoder="qtrle",
        formats={8: _always("rgb24"), 16: _always("rgb24")},
        alpha={8: "argb", 16: "argb"},
        lossless=True,
    ),
    VideoCodec(
        name=Codec.PNG,
        encoder="png",
        formats={8: _always("rgb24"), 16: _always("rgb48be")},
        alpha={8: "rgba", 16: "rgba64be"},
        lossless=True,
    ),
    VideoCodec(
        name=Codec.H264_NVENC,
        encoder="h264_nvenc",
        formats={8: ("yuv420p", "yuv444p"), 16: ("yuv420p", "yuv444p")},
        options=_NVENC,
        quality="-cq",
        presets=_NVENC_PRESETS,
        preset="p5",
    ),
    VideoCodec(
        name=Codec.HEVC_NVENC,
        encoder="hevc_nvenc",
        formats={8: ("yuv420p", "yuv444p"), 16: ("p010le", "yuv444p16le")},
        options=_NVENC,
        quality="-cq",
        presets=_NVENC_PRESETS,
        preset="p5",
    ),
    VideoCodec(
        name=Codec.AV1_NVENC,
        encoder="av1_nvenc",
        formats={8: _always("yuv420p"), 16: _always("p010le")},
        options=_NVENC,
        quality="-cq",
        presets=_NVENC_PRESETS,
        preset="p5",
    ),
    VideoCodec(
        name="jpeg",
        encoder="mjpeg",
        formats={8: _always("yuvj444p"), 16: _always("yuvj444p")},
        options=("-q:v", "1", "-qmin", "1"),
    ),
    VideoCodec(
        name="webp",
        encoder="libwebp",
        formats={8: _always("bgra"), 16: _always("bgra")},
        alpha={8: "bgra", 16: "bgra"},
        options=("-lossless", "1", "-quality", "100"),
        lossless=True,
    ),
    VideoCodec(
        name="tiff",
        encoder="tiff",
        formats={8: _always("rgb24"), 16: _always("rgb48le")},
        alpha={8: "rgba", 16: "rgba64le"},
        lossless=True,
    ),
    VideoCodec(
        name="y4m",
        encoder="wrapped_avframe",
        formats={8: _always("yuv444p"), 16: _always("yuv444p16le")},
        options=("-strict", "-1"),
    ),
    VideoCodec(
        name="raw",
        encoder="rawvideo",
        formats={8: _always("rgb24"), 16: _always("rgb48le")},
        alpha={8: "rgba", 16: "rgba64le"},
        lossless=True,
    ),
)
CODECS: Mapping[str, VideoCodec] = {row.name: row for row in _ROWS}
