"""What a file's color tags mean: matrices, ranges, and what players take where a file does not say."""

from collections.abc import Mapping
from dataclasses import replace

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.info import Color, MediaInfo, VideoStream

# ITU-T H.273, tables 2 to 4, spelled as ffmpeg does; 2 is "unspecified" in all of them
PRIMARIES: Mapping[int, str] = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFERS: Mapping[int, str] = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRICES: Mapping[int, str] = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    14: "ictcp",
}
GBR = "gbr"
# those that are one matrix between R'G'B' and Y'CbCr: the ones that are converted
LINEAR_MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})


def real_color(info: MediaInfo) -> Color:
    """The color with matrix and range filled in: as tagged, else as players take an untagged file.

    Raises MediaError for a matrix that is not among LINEAR_MATRICES.
    """
    video, color = info.video, info.video.color
    if video.rgb:
        return replace(color, matrix=GBR, full_range=color.full_range is not False)
    matrix = color.matrix or _usual_matrix(info)
    if is_gray(video) and matrix == GBR:  # PNG tags gray pictures so
        matrix = "bt709"
    if matrix not in LINEAR_MATRICES:
        what = f"color matrix {matrix} is not read"
        raise MediaError(what, where=info.path, do="convert it to BT.709 first")
    full = color.full_range
    if full is None:
        full = video.pix_fmt.startswith("yuvj") or is_gray(video)
    return replace(color, matrix=matrix, full_range=full)


def yuv_color(color: Color, width: int, height: int) -> Color:
    """The color of a Y'CbCr output of pictures with `color`; RGB becomes limited BT.709 or BT.601 by size."""
    if color.matrix in LINEAR_MATRICES:
        return replace(color, full_range=bool(color.full_range))
    return replace(color, matrix=_matrix_by_size(width, height), full_range=False)


def is_gray(video: VideoStream) -> bool:
    """Whether the frames have no chroma."""
    return video.pix_fmt.startswith(("gray", "ya8", "ya16", "mono"))


def number(table: Mapping[int, str], name: str | None) -> int | None:
    """The H.273 number of a name, None for an unknown one."""
    return next((key for key, known in table.items() if known == name), None)


def _usual_matrix(info: MediaInfo) -> str:
    width, height = info.video.width, info.video.height
    if info.video.rotation % 180:
        width, height = height, width
    return "smpte170m" if info.still else _matrix_by_size(width, height)


def _matrix_by_size(width: int, height: int) -> str:
    return "bt709" if width >= 1280 or height > 576 else "smpte170m"  # mpv's rule
