"""What a media file holds, as plain values."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True)
class Color:
    """The color tags as ffmpeg spells them (`bt709`, `smpte170m`, `bt2020nc`, `gbr`); None where untagged.

    full_range: None where the file does not say.
    """

    matrix: str | None
    primaries: str | None
    transfer: str | None
    full_range: bool | None


@dataclass(frozen=True)
class VideoStream:
    """The video stream that is read.

    width, height: pixels of a frame as the reader gives it, after cropping and turning.
    rate: exact frames per second, the mean where variable; Fraction(0) for a still.
    frames: how many the reader should give, or None where the file does not tell without being read.
    start: seconds of the first frame on the file's clock.
    depth: bits per color sample. alpha: a picture has a pixel that is not opaque, a film may have one.
    subsampling: luma columns and rows per chroma sample, (2, 2) for 4:2:0.
    sar: sample aspect ratio of the frame as given. rotation: degrees counter-clockwise by which the frame
    was turned. turn: ffmpeg's filters for that, empty where ffmpeg does it by itself (EXIF).
    """

    index: int
    codec: str
    width: int
    height: int
    rate: Fraction
    variable_rate: bool
    frames: int | None
    start: Fraction
    duration: Fraction | None
    pix_fmt: str
    depth: int
    subsampling: tuple[int, int]
    rgb: bool
    alpha: bool
    sar: Fraction
    rotation: int
    turn: tuple[str, ...]
    color: Color


@dataclass(frozen=True)
class OtherStream:
    """A stream that is carried, not read. kind: audio, subtitle, data, attachment or video.

    start: seconds of its first packet on the file's clock, or None.
    """

    index: int
    kind: str
    codec: str
    language: str | None
    start: Fraction | None


@dataclass(frozen=True)
class MediaInfo:
    """A file that can be read. container: the name by which ffmpeg is told to read it (`mov`, `png_pipe`).

    missing_bytes: how many the file's own structure promises beyond its end; 0 for a whole file.
    """

    path: Path
    container: str
    still: bool
    video: VideoStream
    others: tuple[OtherStream, ...]
    duration: Fraction | None
    size_bytes: int
    missing_bytes: int
