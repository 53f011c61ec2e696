"""Table of the files that can be written: what each holds, and which of a source's streams go along."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from seedvr2_cli.base.choices import Codec, PipeFormat
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.codecs import CODECS, VideoCodec
from seedvr2_cli.media.info import MediaInfo, OtherStream

STDOUT = Path("-")


@dataclass(frozen=True, kw_only=True)
class Container:
    """muxer: ffmpeg's name. codecs: the first is the default.

    sounds, subtitles, covers: the codecs of those that are copied into it. attachments, timecode: whether it
    holds them. tick: seconds of its clock, None where it takes any. steady: it has one rate and no times.
    picture: it is one picture, or a folder of them.
    """

    muxer: str
    codecs: tuple[str, ...]
    sounds: frozenset[str] = frozenset()
    subtitles: frozenset[str] = frozenset()
    covers: frozenset[str] = frozenset()
    attachments: bool = False
    timecode: bool = False
    tick: Fraction | None = None
    steady: bool = False
    picture: bool = False
    options: tuple[str, ...] = ()

    def holds(self, stream: OtherStream) -> bool:
        """Whether a copy of the stream can stand in such a file."""
        if stream.kind == "attachment":
            return self.attachments
        if stream.kind == "data":
            return self.timecode and "timecode" in stream.tags
        held = {"audio": self.sounds, "subtitle": self.subtitles, "cover": self.covers}
        return stream.codec in held.get(stream.kind, ())


@dataclass(frozen=True)
class StreamPlan:
    """The streams beside the picture that are copied, and those that the container cannot hold."""

    kept: tuple[OtherStream, ...]
    left_out: tuple[OtherStream, ...]
    suffix: str

    @property
    def warning(self) -> str | None:
        """One line about what is left out and what would hold it; None where all is kept."""
        if not self.left_out:
            return None
        names = list(dict.fromkeys(_say(stream) for stream in self.left_out))
        better = next((s for s, c in CONTAINERS.items() if all(map(c.holds, self.left_out))), None)
        are, them = ("are", "them") if len(names) > 1 else ("is", "it")
        way_out = f"; -o NAME{better} holds {them}" if better else ""
        return f"{', '.join(names)} {are} left out: {self.suffix} does not hold {them}{way_out}"


_PCM = {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"}
_BIG_PCM = {"pcm_s8", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"}
_MP4_SOUNDS = frozenset({"aac", "ac3", "alac", "dts", "eac3", "flac", "mp2", "mp3", "opus"})
_MOV_SOUNDS = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "pcm_alaw", "pcm_mulaw"} | _PCM | _BIG_PCM)
_MKV_SOUNDS = frozenset(_MP4_SOUNDS | _PCM | {"mlp", "truehd", "tta", "vorbis", "wavpack", "wmav2"})
_AVI_SOUNDS = frozenset({"ac3", "mp2", "mp3", "pcm_s16le", "pcm_u8"})
_MKV_SUBTITLES = frozenset({"subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"})
_COVERS = frozenset({"png", "mjpeg"})
_NVENC = (Codec.H264_NVENC, Codec.HEVC_NVENC, Codec.AV1_NVENC)
_MILLISECOND = Fraction(1, 1000)

_INDEX_FIRST = ("-movflags", "+faststart")  # a film plays while it still loads
_ONE_PICTURE = ("-update", "1")  # a percent sign in the name is no pattern
_MP4 = Container(
    muxer="mp4",
    codecs=(Codec.X264, Codec.X265, Codec.SVTAV1, Codec.VP9, *_NVENC),
    sounds=_MP4_SOUNDS,
    subtitles=frozenset({"mov_text"}),
    covers=_COVERS,
    timecode=True,
    options=(*_INDEX_FIRST, "-strict", "experimental"),  # FLAC before 6
)
_JPEG = Container(muxer="image2", codecs=("jpeg",), picture=True, options=_ONE_PICTURE)
_TIFF = Container(muxer="image2", codecs=("tiff",), picture=True, options=_ONE_PICTURE)

CONTAINERS: Mapping[str, Container] = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mkv": Container(
        muxer="matroska",
        codecs=(
            Codec.X264,
            Codec.X265,
            Codec.SVTAV1,
            Codec.VP9,
            Codec.FFV1,
            Codec.PRORES,
            Codec.UTVIDEO,
            Codec.PNG,
            *_NVENC,
        ),
        sounds=_MKV_SOUNDS,
        subtitles=_MKV_SUBTITLES,
        covers=_COVERS,
        attachments=True,
        tick=_MILLISECOND,
    ),
    ".mov": Container(
        muxer="mov",
        codecs=(
            Codec.X264,
            Codec.X265,
            Codec.PRORES,
            Codec.FFV1,
            Codec.UTVIDEO,
            Codec.QTRLE,
            Codec.PNG,
            *_NVENC[:2],
        ),
        sounds=_MOV_SOUNDS,
        subtitles=frozenset({"mov_text"}),
        timecode=True,
        options=_INDEX_FIRST,
    ),
    ".webm": Container(
        muxer="webm",
        codecs=(Codec.VP9, Codec.SVTAV1, Codec.AV1_NVENC),
        sounds=frozenset({"opus", "vorbis"}),
        subtitles=frozenset({"webvtt"}),
        tick=_MILLISECOND,
    ),
    ".avi": Container(muxer="avi", codecs=(Codec.FFV1, Codec.UTVIDEO), sounds=_AVI_SOUNDS, steady=True),
    ".nut": Container(
        muxer="nut",
        codecs=(Codec.FFV1, Codec.X264, Codec.UTVIDEO, "raw"),
        sounds=_MKV_SOUNDS - {"opus"},
    ),
    ".y4m": Container(muxer="yuv4mpegpipe", codecs=("y4m",), steady=True),
    ".png": Container(muxer="image2", codecs=(Codec.PNG,), picture=True, options=_ONE_PICTURE),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": Container(muxer="webp", codecs=("webp",), picture=True),
    ".tif": _TIFF,
    ".tiff": _TIFF,
}
_PIPES: Mapping[PipeFormat, Container] = {
    PipeFormat.Y4M: CONTAINERS[".y4m"],
    PipeFormat.NUT: Container(muxer="nut", codecs=("raw",)),
    PipeFormat.RAW: Container(muxer="rawvideo", codecs=("raw",), steady=True),
}


def container_of(path: Path, pipe: PipeFormat = PipeFormat.Y4M) -> Container:
    """The kind of file that path's suffix names, or that stdout (`-`) is. Raises UsageError."""
    if path == STDOUT:
        return _PIPES[pipe]
    try:
        return CONTAINERS[path.suffix.lower()]
    except KeyError:
        what = f"{path.suffix} is not written" if path.suffix else "has no suffix"
        raise UsageError(what, where=path, do=f"take {', '.join(CONTAINERS)}") from None


def choose_codec(
    path: Path,
    wanted: Codec | None,
    *,
    picture: bool,
    deep: bool = False,
    pipe: PipeFormat = PipeFormat.Y4M,
) -> VideoCodec:
    """The codec for an output named path: the wanted one, else the default of its suffix.

    picture: the output is one picture, or a sequence of them. deep: the source has more than 8 bits, for
    which players know x265, not x264. Raises UsageError where path, codec and input do not go together.
    """
    container = container_of(path, pipe)
    fitting = container.codecs
    usual = Codec.X265 if deep and fitting[0] == Codec.X264 else fitting[0]
    codec = CODECS[wanted or usual]
    if container.picture != picture:
        kind, one = ("picture", "film") if container.picture else ("film", "picture")
        endings = ", ".join(s for s, c in CONTAINERS.items() if c.picture == picture)
        raise UsageError(f"is the name of a {kind}, the input is a {one}", where=path, do=f"take {endings}")
    if codec.name not in fitting:
        others = " or ".join(s for s, c in CONTAINERS.items() if codec.name in c.codecs)
        name = f"the pipe's {pipe}" if path == STDOUT else path.suffix
        raise UsageError(f"{name} does not hold {codec.name}", where=path, do=f"take {others}")
    return codec


def plan_streams(source: MediaInfo, container: Container, suffix: str) -> StreamPlan:
    """Which of the streams beside the picture go into an output of this kind, named by its suffix."""
    # a track of chapter titles is made again with the chapters
    told = [stream for stream in source.others if not (_is_chapter_text(stream) and source.chapters)]
    kept = tuple(stream for stream in told if container.holds(stream))
    left_out = tuple(stream for stream in told if not container.holds(stream))
    return StreamPlan(kept, left_out, suffix)


def _is_chapter_text(stream: OtherStream) -> bool:
    return stream.kind == "data" and "timecode" not in stream.tags


def _say(stream: OtherStream) -> str:
    if stream.kind == "attachment":
        return f"attachment {stream.tags.get('filename', 'without a name')}"
    if stream.kind == "data":
        return "timecode" if "timecode" in stream.tags else "data"
    names = {"audio": "sound", "subtitle": "subtitles", "cover": "cover", "video": "second picture"}
    return f"{stream.codec} {names.get(stream.kind, stream.kind)}"
