"""A file's facts: content decides, never the name, and what cannot be read is said in one line."""

import re
import stat
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.ffmpeg import MAX_PIXELS, MAX_SIDE, FFmpeg, explain, input_arguments
from seedvr2_cli.media.geometry import turn_of
from seedvr2_cli.media.info import Color, MediaInfo, OtherStream, VideoStream
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.structure import (
    HEAD_BYTES,
    AnimatedWebP,
    Structure,
    animated_webp,
    is_photo,
    is_playlist,
    outline,
)
from seedvr2_cli.media.survey import Survey, shown_stamps, still, survey
from seedvr2_cli.media.timing import judge
from seedvr2_cli.media.yuv import MATRICES, PRIMARIES, TRANSFERS, real_color

_PICTURE_BRANDS = {"avif", "mif1", "heic", "heix"}
_MAY_MOVE = {"gif", "apng"}
_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
_UNREADABLE = ("bayer_", "xyz")
_MILLISECOND = Fraction(1, 1000)
_PGM = re.compile(rb"P5\s+(\d+) (\d+)\s")
_PGM_BYTES = 32


def probe(path: Path, ffmpeg: FFmpeg) -> MediaInfo:
    """Find out what path holds, and that ffmpeg can decode its first frame. Raises MediaError.

    The size is the one that ffmpeg shows: builds differ about cropping.
    """
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


def frame_times(info: MediaInfo) -> Generator[Fraction, None, None]:
    """Seconds on the file's clock at which the frames of a probed film stand, in order, as far as it tells.

    The file is read through, nothing is decoded. Raises MediaError if it can no longer be opened.
    """
    with _opened(info.path) as (file, _, _):
        animation = animated_webp(file)
        if animation is not None:
            ends = accumulate(animation.durations_ms, initial=0)
            yield from (stamp * _MILLISECOND for stamp in islice(ends, len(animation.durations_ms)))
            return
        try:
            with _container(file, info.container) as container:
                film = container.streams[info.video.index]
                yield from (stamp * film.time_base for stamp in shown_stamps(container, film))
        except av.error.FFmpegError as error:
            raise MediaError("cannot be read any more", where=info.path) from error


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


def _container(file: BinaryIO, known_format: str | None) -> Any:
    """The file as PyAV reads it."""
    # no protocol is allowed: whatever the container says, no other file and no network is opened
    options = {"protocol_whitelist": "none", "max_pixels": str(MAX_PIXELS)}
    return av.open(_Nameless(file), "r", format=known_format, options=options, metadata_errors="replace")


def _read(path: Path, file: BinaryIO, size: int, structure: Structure, known_format: str | None) -> MediaInfo:
    """What the file tells about itself."""
    try:
        with _container(file, known_format) as container:
            film = _film(path, container)
            if container.format.name.endswith("_pipe"):
                seen = still(container, film)
            else:
                indexed = b"moov" in structure.boxes and b"moof" not in structure.boxes
                seen = survey(container, film, indexed=indexed, position=file.tell)
            if seen.first is None:
                none = "has no frames" if seen.count == 0 else "has no frame that can be decoded"
                raise MediaError(none, where=path)
            return MediaInfo(
                path=path,
                container=container.format.name.split(",")[0],
                still=_is_still(container, seen),
                video=_video(path, film, seen, is_still=_is_still(container, seen)),
                others=tuple(_other(stream) for stream in container.streams if stream is not film),
                duration=Fraction(container.duration, av.time_base) if container.duration else None,
                size_bytes=size,
                missing_bytes=structure.missing_bytes,
            )
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


def _video(path: Path, stream: Any, seen: Survey, *, is_still: bool) -> VideoStream:
    frame, codec = seen.first, stream.codec_context
    pixel = frame.format
    colors = [component.bits for component in pixel.components if not component.is_alpha]
    if pixel.name.startswith(_UNREADABLE) or "f16" in pixel.name or max(colors) > 16:
        raise MediaError(f"samples of the kind {pixel.name} are not read", where=path, do="convert it first")
    pace = judge(seen.stamps, stream.time_base, stream.guessed_rate or stream.average_rate)
    rotation = frame.rotation % 360
    sar = Fraction(stream.sample_aspect_ratio or 1)
    return VideoStream(
        index=stream.index,
        codec=codec.codec.canonical_name,
        width=frame.width,
        height=frame.height,
        rate=Fraction(0) if is_still else pace.rate,
        variable_rate=pace.variable,
        frames=seen.count if pace.per_packet else None,
        start=seen.start * stream.time_base,
        duration=stream.duration * stream.time_base if stream.duration else None,
        pix_fmt=pixel.name,
        depth=max(colors),
        subsampling=(round(64 / pixel.chroma_width(64)), round(64 / pixel.chroma_height(64))),
        rgb=pixel.is_rgb or pixel.has_palette,
        alpha=_is_transparent(frame) if is_still else _may_be_transparent(stream, frame),
        sar=1 / sar if rotation % 180 == 90 else sar,
        rotation=rotation,
        turn=_turn(frame),
        color=Color(
            MATRICES.get(frame.colorspace),
            PRIMARIES.get(frame.color_primaries),
            TRANSFERS.get(frame.color_trc),
            {1: False, 2: True}.get(frame.color_range),  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
        ),
    )


def _turn(frame: Any) -> tuple[str, ...]:
    try:
        matrix = frame.side_data.get(SideDataType.DISPLAYMATRIX)
    except ValueError:  # PyAV meets a kind of side data that it does not know, as in pictures with EXIF
        return ()
    return turn_of(struct.unpack("=9i", bytes(matrix))) if matrix is not None else ()


def _is_transparent(picture: Any) -> bool:
    """Whether any pixel of PyAV's frame is not opaque: many a PNG has alpha that says nothing."""
    if not _has_alpha(picture) and not picture.format.has_palette:
        return False
    return bool((picture.to_ndarray(format="rgba")[..., 3] < 255).any())


def _may_be_transparent(stream: Any, frame: Any) -> bool:
    return _has_alpha(frame) or stream.metadata.get("alpha_mode") == "1"  # WebM's tag: decoders leave it out


def _has_alpha(frame: Any) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _other(stream: Any) -> OtherStream:
    codec = stream.codec_context
    return OtherStream(
        index=stream.index,
        kind=stream.type,
        codec=codec.codec.canonical_name if codec is not None else "unknown",
        language=stream.language,
        start=None if stream.start_time is None else stream.start_time * stream.time_base,
    )


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
