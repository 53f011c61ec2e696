"""A file's facts: content decides, never the name, and what cannot be read is said in one line."""

import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
from av.stream import Disposition

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.codecs import has_alpha
from seedvr2_cli.media.ffmpeg import MAX_PIXELS, MAX_SIDE, FFmpeg, explain, input_arguments
from seedvr2_cli.media.info import Color, MediaInfo, VideoStream
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.sequence import Sequence as PictureSequence
from seedvr2_cli.media.sequence import find_sequence
from seedvr2_cli.media.streams import chapter_facts, film_facts, other_facts
from seedvr2_cli.media.structure import (
    HEAD_BYTES,
    AnimatedWebP,
    Structure,
    animated_webp,
    is_photo,
    is_playlist,
    outline,
)
from seedvr2_cli.media.survey import Survey, still, survey
from seedvr2_cli.media.timing import DEFAULT_RATE, judge
from seedvr2_cli.media.yuv import real_color

_PICTURE_BRANDS = {"avif", "mif1", "heic", "heix"}
_MAY_MOVE = {"gif", "apng"}
_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
_MILLISECOND = Fraction(1, 1000)
_PGM = re.compile(rb"P5\s+(\d+) (\d+)\s")
_PGM_BYTES = 32


def probe(path: Path, ffmpeg: FFmpeg, rate: Fraction = DEFAULT_RATE) -> MediaInfo:
    """Find out what path holds, and that ffmpeg can decode its first frame. Raises MediaError.

    The size is the one that ffmpeg shows: builds differ about cropping. rate: frames per second of a folder
    or pattern of pictures.
    """
    sequence = find_sequence(path, rate)
    if sequence is not None:
        return _as_film(path, probe(sequence.first, ffmpeg), sequence)
    with _opened(path) as (file, size, head):
        structure = outline(file, size)
        animation = animated_webp(file)
        if animation is not None:
            info = _animation_info(path, size, animation)
        else:
            info = _read(path, file, size, structure, "jpeg_pipe" if is_photo(head) else None)
    shown = replace(info, video=_as_shown(info, ffmpeg))
    real_color(shown)  # a matrix that cannot be read is said now
    return shown


def stream_heads(info: MediaInfo, indices: Sequence[int]) -> dict[int, bytes]:
    """The first packet of each of these streams: all of a cover."""
    with (
        _opened(info.path) as (file, size, _),
        _container(info.path, file, info.container, outline(file, size)) as container,
    ):
        heads: dict[int, bytes] = {}
        for packet in container.demux(*(container.streams[index] for index in indices)):
            heads.setdefault(packet.stream_index, bytes(packet))
            if len(heads) == len(indices):
                break
        return heads


def _as_film(path: Path, first: MediaInfo, sequence: PictureSequence) -> MediaInfo:
    """The facts of a sequence of pictures, of which the first is known."""
    pictures = sequence.pictures
    length = pictures.count / pictures.rate
    video = replace(
        first.video,
        rate=pictures.rate,
        frames=pictures.count,
        duration=length,
        alpha=has_alpha(first.video.pix_fmt),
        tick=1 / pictures.rate,
    )
    film = replace(first, path=path, container="image2", still=False, video=video, duration=length)
    return replace(film, pictures=pictures)


def frame_times(info: MediaInfo) -> list[Fraction]:
    """When each picture stands, in order, in seconds after the first; the whole file is read, none decoded.

    Empty where the file has no stamps.
    """
    with _opened(info.path) as (file, size, _):
        animation = animated_webp(file)
        if animation is not None:
            return [stamp * _MILLISECOND for stamp in accumulate(animation.durations_ms[:-1], initial=0)]
        with _container(info.path, file, info.container, outline(file, size)) as container:
            stream = container.streams[info.video.index]
            stamps = survey(container, stream, indexed=False, position=lambda: 0).stamps
            return [stamp * Fraction(stream.time_base) - info.video.start for stamp in stamps]


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int, bytes]]:
    """The file, its size and its first bytes; only a regular file that is neither empty nor a playlist."""
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise MediaError("is a folder", where=path, do="name a file in it")
        if not stat.S_ISREG(facts.st_mode):
            raise MediaError("is no regular file", where=path, do="save it to a file first")
        if not facts.st_size:
            raise MediaError("is empty (0 bytes)", where=path)
        file = path.open("rb")
    except FileNotFoundError as error:
        raise MediaError("no such file", where=path) from error
    except (OSError, ValueError) as error:  # ValueError: a null in the name
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"cannot be read ({reason})", where=path) from error
    with file:
        head = file.read(HEAD_BYTES)
        if is_playlist(head):
            raise MediaError("is a playlist: it points to other files", where=path, do="name a film itself")
        yield file, facts.st_size, head


class _Nameless:
    """The file without its name, so that nothing can go by it."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self.read, self.tell = file.read, file.tell
        self._seek = file.seek

    def seek(self, offset: int, whence: int = 0) -> int:
        """As a file's; -1, which libav takes for "cannot", where a forged file asks for a place before it."""
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError):
            return -1


def _read(path: Path, file: BinaryIO, size: int, structure: Structure, known_format: str | None) -> MediaInfo:
    """What the file tells about itself."""
    with _container(path, file, known_format, structure) as container:
        film = _film(path, container)
        if container.format.name.endswith("_pipe"):
            seen = still(container, film)
        else:
            indexed = b"moov" in structure.boxes and b"moof" not in structure.boxes
            seen = survey(container, film, indexed=indexed, position=file.tell)
        if seen.first is None:
            none = "has no frames" if seen.count == 0 else "has no frame that can be decoded"
            raise MediaError(none, where=path)
        is_still = _is_still(container, seen)
        others = tuple(other_facts(stream) for stream in container.streams if stream is not film)
        starts = [stream.start for stream in others if stream.start is not None]
        return MediaInfo(
            path=path,
            container=container.format.name.split(",")[0],
            still=is_still,
            video=film_facts(path, film, seen, is_still=is_still),
            others=others,
            duration=Fraction(container.duration, av.time_base) if container.duration else None,
            size_bytes=size,
            missing_bytes=structure.missing_bytes,
            start=min([seen.start * Fraction(film.time_base), *starts]),
            chapters=chapter_facts(container),
            tags=dict(container.metadata),
        )


@contextmanager
def _container(path: Path, file: BinaryIO, known_format: str | None, structure: Structure) -> Iterator[Any]:
    """PyAV's container; what it meets in the block is said in our words."""
    # no protocol is allowed: whatever the container says, no other file and no network is opened
    options = {"protocol_whitelist": "none", "max_pixels": str(MAX_PIXELS)}
    try:
        with av.open(
            _Nameless(file), "r", format=known_format, options=options, metadata_errors="replace"
        ) as container:
            yield container
    except av.error.EOFError as error:
        raise MediaError("has no frames", where=path) from error
    except av.error.FFmpegError as error:
        headless = structure.boxes and not structure.boxes & {b"moov", b"meta"}
        what = "index (moov) missing: the file is cut off" if headless else "is no video and no picture"
        raise MediaError(what, where=path) from error
    except OSError as error:  # from the file itself
        raise MediaError(f"cannot be read ({error.strerror or error})", where=path) from error


def _film(path: Path, container: Any) -> Any:
    """The video stream to read: the default one, else the first; never a cover or thumbnails."""
    films = [stream for stream in container.streams.video if not stream.disposition & _NO_FILM]
    if not films:
        kinds = ["cover" if s.type == "video" else f"{s.type} stream" for s in container.streams]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        raise MediaError(f"has no picture: {counts or 'no stream at all'}", where=path)
    film = next((stream for stream in films if stream.disposition & Disposition.default), films[0])
    if film.codec_context is None:
        raise MediaError("the codec of the picture is unknown", where=path)
    if _is_picture_file(container) and len(films) > 1:
        raise MediaError(f"is a picture in {len(films)} parts", where=path, do="convert it to PNG first")
    _check_size(path, film.codec_context.width, film.codec_context.height)
    return film


def _check_size(path: Path, width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(f"{width}x{height} pixels are beyond {MAX_SIDE}x{MAX_SIDE}", where=path)


def _is_picture_file(container: Any) -> bool:
    return str(container.metadata.get("major_brand", "")).strip() in _PICTURE_BRANDS


def _is_still(container: Any, seen: Survey) -> bool:
    name = container.format.name
    return seen.count == 1 and (name.endswith("_pipe") or name in _MAY_MOVE or _is_picture_file(container))


def _animation_info(path: Path, size: int, animation: AnimatedWebP) -> MediaInfo:
    """The facts of an animated WebP, which PyAV does not read and not every ffmpeg does."""
    _check_size(path, animation.width, animation.height)
    if not animation.durations_ms:
        raise MediaError("has no frames", where=path)
    stamps = [0, *accumulate(animation.durations_ms)]
    pace = judge(stamps[:-1], _MILLISECOND, None)
    is_still = len(animation.durations_ms) == 1
    video = VideoStream(
        index=0,
        codec="webp",
        width=animation.width,
        height=animation.height,
        rate=Fraction(0) if is_still else pace.rate,
        variable_rate=pace.variable,
        frames=len(animation.durations_ms),
        start=Fraction(0),
        duration=stamps[-1] * _MILLISECOND,
        pix_fmt="argb",
        depth=8,
        subsampling=(1, 1),
        rgb=True,
        alpha=animation.alpha,
        sar=Fraction(1),
        rotation=0,
        turn=(),
        color=Color(None, None, None, None),
    )
    return MediaInfo(path, "webp_anim", is_still, video, (), video.duration, size, 0)


def _as_shown(info: MediaInfo, ffmpeg: FFmpeg) -> VideoStream:
    """The stream with the size that ffmpeg gives its first frame."""
    arguments = input_arguments(info.path, info.container)
    arguments += ["-map", f"0:{info.video.index}", "-frames:v", "1", "-vf", "format=gray"]
    arguments += ["-c:v", "pgm", "-f", "image2pipe", "pipe:1"]
    with FFmpegProcess(ffmpeg.path, arguments, stdout=True) as process:
        size = _PGM.match(process.read(_PGM_BYTES))
        if size is None:
            exit_code = process.wait()
            reason = explain(process.last_words, exit_code)
            raise MediaError(f"its first frame cannot be decoded ({reason})", where=info.path)
    width, height = int(size[1]), int(size[2])
    _check_size(info.path, width, height)
    return replace(info.video, width=width, height=height)
