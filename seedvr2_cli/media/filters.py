"""ffmpeg's filters between what files hold and R'G'B'.

Matrix and range are given on both sides of every conversion: ffmpeg before 9 takes BT.601 whatever the tags
say. zscale is exact on flat color; swscale, for builds without it, is off by at most one 8-bit level.
"""

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.geometry import transposes
from seedvr2_cli.media.info import Color, MediaInfo, VideoStream
from seedvr2_cli.media.yuv import (
    GBR,
    LINEAR_MATRICES,
    MATRICES,
    PRIMARIES,
    TRANSFERS,
    is_gray,
    number,
    real_color,
)

# for chroma, up and down: a 4:2:0 round trip of animation keeps 47.2 dB, with the default (bilinear) 43.6
_ZSCALE = "filter=spline36:threads=1"  # in several threads it leaves seams
_SWSCALE = "flags=spline+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
_SWSCALE_NAMES = {"bt470bg": "smpte170m", "bt2020nc": "bt2020"}  # where it has another one

_CENTERED = ("mjpeg", "webp")  # chroma between the luma samples; in video it lies on the left
_CHROMA = {(1, 1): "444", (1, 2): "440", (2, 1): "422", (2, 2): "420", (4, 1): "411", (4, 4): "410"}
_DEEP_RGB = ("gbrp16le", "gbrap16le", "rgb48be", "rgb48le", "rgba64be", "rgba64le")


def to_rgb(info: MediaInfo, *, zscale: bool, alpha: bool = False) -> str:
    """The filters from the decoder's frames to planes of R'G'B' (`pipe_format`).

    They stop with an error at a frame that has not the size of info.video: one that changes, or that another
    ffmpeg sees, can give no garbage. Raises MediaError where swscale would be wrong.
    """
    video, color = info.video, real_color(info)
    planar = pipe_format(16 if video.depth > 8 else 8, alpha=alpha)
    steps = [_stop_at_another_size(video)]
    if video.rgb or is_gray(video):
        copies = color.full_range and (video.depth <= 8 or video.depth == 16)  # swscale does not touch them
        if not copies:
            if not zscale:
                what = f"{video.pix_fmt} of {_range(color)} range is not read by an ffmpeg without zscale"
                raise MediaError(what, where=info.path, do="take another ffmpeg")
            family = ("gbrap" if alpha else "gbrp") if video.rgb else "gray"
            steps += [f"format={family}{_bits(video)}", _zscale(color, _RGB)]
    elif zscale:
        steps += [*_planes(video, color, alpha=alpha), _zscale(color, _RGB)]
    else:
        steps.append(f"scale={_swscale_side('in', color)}{_siting(video)}:out_range=full:{_SWSCALE}")
    return ",".join([*steps, f"format={planar}", *video.turn])  # chroma is placed for frames not yet turned


def to_small_rgb(info: MediaInfo, size: tuple[int, int]) -> str:
    """The filters from the decoder's frames to planes of R'G'B' in 8 bits, scaled to size (width, height):
    means over areas, for looking for something, not for showing. They stop where those of `to_rgb` do."""
    video, color = info.video, real_color(info)
    width, height = size[::-1] if transposes(video.turn) else size
    side = f"in_range={_range(color)}" if video.rgb or is_gray(video) else _swscale_side("in", color)
    scale = f"scale={width}:{height}:{side}:out_range=full:flags=area"
    return ",".join([_stop_at_another_size(video), scale, f"format={pipe_format(8)}", *video.turn])


def from_rgb(color: Color, depth: int, pix_fmt: str, *, zscale: bool, alpha: bool = False) -> str:
    """The filters from planes of R'G'B' (`pipe_format`) to pix_fmt, an RGB one where the matrix is gbr."""
    planar = pipe_format(depth, alpha=alpha)
    if color.matrix in LINEAR_MATRICES:
        if zscale:
            return f"format={planar},{_zscale(_RGB, color)}:chromal=left,format={pix_fmt}"
        siting = ":out_h_chr_pos=0:out_v_chr_pos=128" if "420" in pix_fmt else ""
        return f"scale=in_range=full:{_swscale_side('out', color)}{siting}:{_SWSCALE},format={pix_fmt}"
    if depth > 8 and pix_fmt not in _DEEP_RGB and zscale:  # swscale would cut bits off instead of rounding
        rounded = pix_fmt if pix_fmt.startswith(("gbrp", "gbrap")) else pipe_format(8, alpha=alpha)
        return f"format={planar},{_zscale(_RGB, _RGB)},format={rounded},format={pix_fmt}"
    return f"format={pix_fmt}"


def pipe_format(depth: int, *, alpha: bool = False) -> str:
    """The format in which pictures of 8 or 16 bits go through pipes: planes of G, B, R and alpha, as zscale
    has them. Packed pixels would cost a conversion on each side."""
    return ("gbrap" if alpha else "gbrp") + ("16le" if depth > 8 else "")


def tag_filter(color: Color) -> str:
    """The filter that tags frames with color; ffmpeg 9 takes an encoder's tags from its frames alone."""
    return "setparams=" + ":".join(f"{name}={value}" for name, value in _tags(color))


def tag_arguments(color: Color) -> list[str]:
    """The encoder's options for the tags, which older ffmpegs go by."""
    options = {"range": "-color_range", "colorspace": "-colorspace"}
    return [word for name, value in _tags(color) for word in (options.get(name, f"-{name}"), value)]


_RGB = Color(GBR, None, None, full_range=True)


def _tags(color: Color) -> list[tuple[str, str]]:
    """ffmpeg's names for the tags, and H.273's numbers, which every version takes."""
    numbers = (
        ("colorspace", number(MATRICES, color.matrix)),
        ("color_primaries", number(PRIMARIES, color.primaries)),
        ("color_trc", number(TRANSFERS, color.transfer)),
    )
    known = [(name, str(value)) for name, value in numbers if value is not None]
    return [("range", "pc" if color.full_range else "tv"), *known]


def _zscale(source: Color, target: Color) -> str:
    """A conversion of matrix and range; primaries and transfer stay."""
    sides = f"matrixin={number(MATRICES, source.matrix)}:rangein={_range(source)}"
    return f"zscale={sides}:matrix={number(MATRICES, target.matrix)}:range={_range(target)}:{_ZSCALE}"


def _swscale_side(side: str, color: Color) -> str:
    name = _SWSCALE_NAMES.get(color.matrix or "", color.matrix)
    return f"{side}_color_matrix={name}:{side}_range={_range(color)}"


def _stop_at_another_size(video: VideoStream) -> str:
    width, height = _decoded_size(video)
    return f"crop=w='if(eq(iw,{width})*eq(ih,{height}),iw,0)':h=ih:exact=1"


def _decoded_size(video: VideoStream) -> tuple[int, int]:
    return (video.height, video.width) if transposes(video.turn) else (video.width, video.height)


def _planes(video: VideoStream, color: Color, *, alpha: bool) -> list[str]:
    """Bring Y'CbCr into a form that zscale takes: planes, and no 4:2:0 of an odd size."""
    family = "yuva" if alpha else "yuv"
    across, down = video.subsampling
    width, height = _decoded_size(video)
    if width % across or height % down:
        same = f"{_swscale_side('in', color)}:{_swscale_side('out', color)}"
        return [f"scale={same}{_siting(video)}:{_SWSCALE}", f"format={family}444p{_bits(video)}"]
    plain = f"{family}{_CHROMA[video.subsampling]}p{_bits(video)}"
    return [] if video.pix_fmt in (plain, plain.replace("yuv", "yuvj")) else [f"format={plain}"]


def _siting(video: VideoStream) -> str:
    """swscale's words for where the chroma samples lie; its own default costs 2.6 dB on 4:2:0."""
    across, down = video.subsampling
    column = 128 if video.codec in _CENTERED else 0
    words = f":in_h_chr_pos={column}" if across > 1 else ""
    return words + (":in_v_chr_pos=128" if down > 1 else "")


def _bits(video: VideoStream) -> str:
    """What ffmpeg's names of planar formats end in."""
    return f"{video.depth}le" if video.depth > 8 else ""


def _range(color: Color) -> str:
    return "full" if color.full_range else "limited"
