"""What a media file holds, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Mastering:
    """The display that HDR10 was graded on. red, green, blue, white: CIE x and y; least, most: cd/m2."""

    red: tuple[Fraction, Fraction]
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    least: Fraction
    most: Fraction


@dataclass(frozen=True)
class Hdr:
    """HDR10's side data. light: the brightest pixel, the brightest frame's mean (MaxCLL, MaxFALL), cd/m2."""

    mastering: Mastering | None = None
    light: tuple[int, int] | None = None


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
    tick: seconds of the stamps' clock. interlaced: the first frame says that it is two fields.
    tags, dispositions: as the file has them (`title`, `language`; `default`, `forced`).
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
    tick: Fraction = Fraction(1, 1000)
    interlaced: bool = False
    hdr: Hdr = field(default_factory=Hdr)
    tags: Mapping[str, str] = field(default_factory=dict)
    dispositions: tuple[str, ...] = ()


@dataclass(frozen=True)
class OtherStream:
    """A stream that is carried, not read. kind: audio, subtitle, data, attachment, cover or video.

    start: seconds of its first packet on the file's clock, or None.
    """

    index: int
    kind: str
    codec: str
    language: str | None
    start: Fraction | None
    channels: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    dispositions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """start, end: seconds on the file's clock."""

    start: Fraction
    end: Fraction
    title: str | None


@dataclass(frozen=True)
class RawForm:
    """What raw video does not say of itself. pix_fmt: as ffmpeg names it."""

    width: int
    height: int
    pix_fmt: str
    rate: Fraction


@dataclass(frozen=True)
class Pictures:
    """A sequence of pictures. pattern: as ffmpeg's image2 takes it. first: the lowest number.

    rate: frames per second.
    """

    pattern: str
    first: int
    count: int
    rate: Fraction


@dataclass(frozen=True)
class MediaInfo:
    """A file that can be read. container: the name by which ffmpeg is told to read it (`mov`, `png_pipe`).

    start: seconds of the earliest stream on the file's clock, from which ffmpeg counts its `-ss`.
    missing_bytes: how many the file's own structure promises beyond its end; 0 for a whole file.
    pictures: the sequence that path stands for. piped: ffmpeg's words for the form of what comes on stdin.
    """

    path: Path
    container: str
    still: bool
    video: VideoStream
    others: tuple[OtherStream, ...]
    duration: Fraction | None
    size_bytes: int
    missing_bytes: int
    start: Fraction = Fraction(0)
    chapters: tuple[Chapter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    pictures: Pictures | None = None
    piped: tuple[str, ...] = ()
