"""Table of the files that can be written: what each holds, and which of a source's sounds go along."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.codecs import CODECS, VideoCodec
from seedvr2_cli.media.info import MediaInfo, OtherStream


@dataclass(frozen=True)
class Container:
    """muxer: ffmpeg's name. codecs: the first is the default. sounds: the codecs that are copied into it."""

    muxer: str
    codecs: tuple[str, ...]
    sounds: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class SoundPlan:
    """The sounds that are copied, and those that the container cannot hold."""

    kept: tuple[OtherStream, ...]
    left_out: tuple[OtherStream, ...]
    suffix: str

    @property
    def warning(self) -> str | None:
        """One line about what is left out and what would hold it; None where all is kept."""
        if not self.left_out:
            return None
        names = ", ".join(dict.fromkeys(stream.codec for stream in self.left_out))
        better = next(
            (s for s, c in CONTAINERS.items() if all(lost.codec in c.sounds for lost in self.left_out)), None
        )
        way_out = f"; -o NAME{better} holds it" if better else ""
        return f"{names} sound is left out: {self.suffix} does not hold it{way_out}"


_PCM = {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"}
_BIG_PCM = {"pcm_s8", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"}
_MP4_SOUNDS = frozenset({"aac", "ac3", "alac", "dts", "eac3", "flac", "mp2", "mp3", "opus"})
_MOV_SOUNDS = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "pcm_alaw", "pcm_mulaw"} | _PCM | _BIG_PCM)
_MKV_SOUNDS = frozenset(_MP4_SOUNDS | _PCM | {"mlp", "truehd", "tta", "vorbis", "wavpack", "wmav2"})
_AVI_SOUNDS = frozenset({"ac3", "mp2", "mp3", "pcm_s16le", "pcm_u8"})

_INDEX_FIRST = ("-movflags", "+faststart")  # a film plays while it still loads
_ONE_PICTURE = ("-update", "1")  # a percent sign in the name is no pattern
_MP4 = Container("mp4", ("x264",), _MP4_SOUNDS, (*_INDEX_FIRST, "-strict", "experimental"))  # FLAC before 6

CONTAINERS: Mapping[str, Container] = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mkv": Container("matroska", ("x264", "ffv1"), _MKV_SOUNDS),
    ".mov": Container("mov", ("x264", "ffv1"), _MOV_SOUNDS, _INDEX_FIRST),
    ".avi": Container("avi", ("ffv1",), _AVI_SOUNDS),
    ".png": Container("image2", ("png",), options=_ONE_PICTURE),
    ".jpg": Container("image2", ("jpeg",), options=_ONE_PICTURE),
    ".jpeg": Container("image2", ("jpeg",), options=_ONE_PICTURE),
    ".webp": Container("webp", ("webp",)),
}


def container_of(path: Path) -> Container:
    """The kind of file that path's suffix names. Raises UsageError."""
    try:
        return CONTAINERS[path.suffix.lower()]
    except KeyError:
        what = f"{path.suffix} is not written" if path.suffix else "has no suffix"
        raise UsageError(what, where=path, do=f"take {', '.join(CONTAINERS)}") from None


def choose_codec(path: Path, wanted: Codec | None, *, still: bool) -> VideoCodec:
    """The codec for an output named path: the wanted one, else the default of its suffix.

    still: the input is a picture. Raises UsageError where path, codec and input do not go together.
    """
    fitting = container_of(path).codecs
    codec = CODECS[wanted or fitting[0]]
    if codec.name not in fitting:
        others = " or ".join(s for s, c in CONTAINERS.items() if codec.name in c.codecs)
        raise UsageError(f"{path.suffix} does not hold {codec.name}", where=path, do=f"take {others}")
    if codec.still != still:
        kind, one = ("picture", "film") if codec.still else ("film", "picture")
        endings = ", ".join(s for s, c in CONTAINERS.items() if CODECS[c.codecs[0]].still == still)
        raise UsageError(f"is the name of a {kind}, the input is a {one}", where=path, do=f"take {endings}")
    return codec


def plan_sound(source: MediaInfo, path: Path) -> SoundPlan:
    """Which sounds of the source go into an output named path. Raises UsageError for an unknown suffix."""
    sounds = [stream for stream in source.others if stream.kind == "audio"]
    held = container_of(path).sounds
    kept = tuple(stream for stream in sounds if stream.codec in held)
    left_out = tuple(stream for stream in sounds if stream.codec not in held)
    return SoundPlan(kept, left_out, path.suffix.lower())
