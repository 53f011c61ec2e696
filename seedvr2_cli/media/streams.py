"""PyAV's streams as our values: the film with its first frame, the streams beside it, chapters."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.sidedata.sidedata import Type as SideDataType

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.geometry import turn_of
from seedvr2_cli.media.info import Chapter, Color, Hdr, Mastering, OtherStream, VideoStream
from seedvr2_cli.media.survey import Survey
from seedvr2_cli.media.timing import judge
from seedvr2_cli.media.yuv import MATRICES, PRIMARIES, TRANSFERS

_UNREADABLE = ("bayer_", "xyz")
_RANGES = {1: False, 2: True}  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
# AVMasteringDisplayMetadata: ten rationals (x, y of red, green, blue, white; least and most luminance), two
# flags; AVContentLightMetadata: MaxCLL, MaxFALL
_MASTERING, _LIGHT = struct.Struct("=20i2i"), struct.Struct("=2I")


def film_facts(path: Path, stream: Any, seen: Survey, *, is_still: bool) -> VideoStream:
    """The stream that is read. Raises MediaError for samples that are not."""
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
            _RANGES.get(frame.color_range),
        ),
        tick=Fraction(stream.time_base),
        interlaced=bool(frame.interlaced_frame) and not is_still,
        hdr=_hdr(frame),
        tags=dict(stream.metadata),
        dispositions=_dispositions(stream),
    )


def other_facts(stream: Any) -> OtherStream:
    """A stream beside the film."""
    codec = stream.codec_context
    dispositions = _dispositions(stream)
    return OtherStream(
        index=stream.index,
        kind="cover" if "attached_pic" in dispositions else stream.type,
        codec=codec.codec.canonical_name if codec is not None else "unknown",
        language=stream.language,
        start=None if stream.start_time is None else stream.start_time * stream.time_base,
        channels=codec.channels if stream.type == "audio" else None,
        tags=dict(stream.metadata),
        dispositions=dispositions,
    )


def chapter_facts(container: Any) -> tuple[Chapter, ...]:
    """The container's chapters, in order."""
    return tuple(
        Chapter(
            chapter["start"] * chapter["time_base"],
            chapter["end"] * chapter["time_base"],
            chapter["metadata"].get("title"),
        )
        for chapter in container.chapters()
    )


def _dispositions(stream: Any) -> tuple[str, ...]:
    """In ffmpeg's spelling, as its option -disposition takes them."""
    flags = stream.disposition
    return tuple(flag.name for flag in type(flags) if flag.value and flags & flag)


def _side_data(frame: Any, kind: SideDataType) -> bytes | None:
    try:
        found = frame.side_data.get(kind)
    except ValueError:  # PyAV meets a kind of side data that it does not know, as in pictures with EXIF
        return None
    return bytes(found) if found is not None else None


def _turn(frame: Any) -> tuple[str, ...]:
    matrix = _side_data(frame, SideDataType.DISPLAYMATRIX)
    return turn_of(struct.unpack("=9i", matrix)) if matrix is not None else ()


def _hdr(frame: Any) -> Hdr:
    mastering = _side_data(frame, SideDataType.MASTERING_DISPLAY_METADATA)
    light = _side_data(frame, SideDataType.CONTENT_LIGHT_LEVEL)
    return Hdr(
        _mastering(mastering) if mastering and len(mastering) == _MASTERING.size else None,
        _LIGHT.unpack_from(light) if light and len(light) >= _LIGHT.size else None,
    )


def _mastering(data: bytes) -> Mastering | None:
    """None where the primaries or the luminance are not there: encoders take both or nothing."""
    *numbers, has_primaries, has_luminance = _MASTERING.unpack(data)
    denominators = numbers[1::2]
    if not (has_primaries and has_luminance) or min(denominators) < 1:
        return None
    values = [Fraction(n, d) for n, d in zip(numbers[::2], denominators, strict=True)]
    red, green, blue, white = ((values[i], values[i + 1]) for i in range(0, 8, 2))
    return Mastering(red, green, blue, white, values[8], values[9])


def _is_transparent(picture: Any) -> bool:
    """Whether any pixel of PyAV's frame is not opaque: many a PNG has alpha that says nothing."""
    if not _has_alpha(picture) and not picture.format.has_palette:
        return False
    return bool((picture.to_ndarray(format="rgba")[..., 3] < 255).any())


def _may_be_transparent(stream: Any, frame: Any) -> bool:
    return _has_alpha(frame) or stream.metadata.get("alpha_mode") == "1"  # WebM's tag: decoders leave it out


def _has_alpha(frame: Any) -> bool:
    return any(component.is_alpha for component in frame.format.components)
