"""RGB arrays into a file, with the sound of the source beside them."""

import errno
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from seedvr2_cli.base.errors import OutputError, ShapeError
from seedvr2_cli.base.files import output_error
from seedvr2_cli.media.codecs import VideoCodec
from seedvr2_cli.media.containers import container_of, plan_sound
from seedvr2_cli.media.ffmpeg import FFmpeg, explain, file_url, input_arguments
from seedvr2_cli.media.filters import from_rgb, tag_arguments, tag_filter
from seedvr2_cli.media.info import Color, MediaInfo
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.yuv import GBR, yuv_color

SAR_LIMIT = 65535  # what H.264 can carry; ffmpeg by itself rounds to parts below 100

_DISK_ERRORS = {  # what ffmpeg says, as the error that the system gave it
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Permission denied": errno.EACCES,
    "Read-only file system": errno.EROFS,
    "File name too long": errno.ENAMETOOLONG,
}


@dataclass(frozen=True, kw_only=True)
class OutputSpec:
    """What to write. path: where ffmpeg writes, replaced if it exists; final: the name for messages.

    depth: bits of the samples that `write` is given, 8 or 16. rate: frames per second, 0 for a picture.
    color: of the pictures, as `yuv.real_color` gives it; sar: sample aspect ratio.
    source: the file whose sounds (those of `plan_sound`), title and chapters are copied; None for none.
    crf, preset: x264's.
    """

    path: Path
    final: Path
    width: int
    height: int
    depth: int
    rate: Fraction
    codec: VideoCodec
    color: Color
    sar: Fraction = Fraction(1)
    source: MediaInfo | None = None
    crf: int = 16
    preset: str = "medium"


class FrameWriter:
    """Encode pictures with one ffmpeg, which lives as long as the `with` block.

    The file is whole after `finish`; a block that ends without it leaves a broken one to its owner.
    """

    def __init__(self, spec: OutputSpec, ffmpeg: FFmpeg) -> None:
        if spec.codec.encoder not in ffmpeg.encoders:
            what = f"this ffmpeg ({ffmpeg.version}) has no encoder {spec.codec.encoder}"
            raise OutputError(what, where=spec.final, do="take another codec or ffmpeg")
        self._spec = spec
        self._dtype = np.dtype("<u2" if spec.depth > 8 else "u1")
        self._count = 0
        self._process = FFmpegProcess(ffmpeg.path, _arguments(spec, ffmpeg), stdin=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.close()

    def write(self, pixels: Pixels) -> None:
        """Encode a picture: (height, width, 3), R'G'B' of full range, uint8 or uint16 as spec.depth says.

        Raises ShapeError, and OutputError when ffmpeg cannot write on.
        """
        expected = (self._spec.height, self._spec.width, 3)
        if pixels.shape != expected or pixels.dtype != self._dtype:
            raise ShapeError(f"a picture of {pixels.shape} {pixels.dtype}, not {expected} {self._dtype}")
        try:
            self._process.write(np.ascontiguousarray(pixels).data.cast("B"))
        except OSError as error:
            raise self._failure() from error
        self._count += 1

    def finish(self) -> None:
        """Let the encoder come to its end. Raises OutputError when the file is not whole."""
        self._process.end_input()
        if self._process.wait() or self._disk_error():  # 5.1 ends with 0 when the disk is full at the end
            raise self._failure()
        if not self._count:
            raise OutputError("no frame was written", where=self._spec.final)

    def _failure(self) -> OutputError:
        exit_code = self._process.wait()
        disk = self._disk_error()
        if disk is not None:
            return output_error(self._spec.final, disk)
        reason = explain(self._process.last_words, exit_code)
        return OutputError(f"cannot be written ({reason})", where=self._spec.final)

    def _disk_error(self) -> OSError | None:
        said = self._process.last_words
        found = (number for words, number in _DISK_ERRORS.items() if any(words in line for line in said))
        number = next(found, None)
        return None if number is None else OSError(number, os.strerror(number))


def _arguments(spec: OutputSpec, ffmpeg: FFmpeg) -> list[str]:
    pixel_format = spec.codec.pixel_format(spec.width, spec.height, spec.depth)
    container = container_of(spec.path)
    color = _written_color(spec, pixel_format)
    convert = from_rgb(color, spec.depth, pixel_format, zscale="zscale" in ffmpeg.filters)
    aspect = f"setsar={spec.sar.numerator}/{spec.sar.denominator}:max={SAR_LIMIT}"
    arguments = ["-y", "-f", "rawvideo", "-pixel_format", "rgb48le" if spec.depth > 8 else "rgb24"]
    arguments += ["-video_size", f"{spec.width}x{spec.height}", "-framerate", str(spec.rate or 1)]
    arguments += ["-i", "pipe:0"]
    carried = _carried(spec, spec.source) if spec.source and not spec.codec.still else _Carried()
    arguments += [*carried.input, "-map", "0:v", *carried.output]
    arguments += ["-vf", f"{convert},{tag_filter(color)},{aspect}", "-fps_mode", "passthrough"]
    arguments += ["-c:v", spec.codec.encoder, *spec.codec.options]
    if spec.codec.rated:
        arguments += ["-crf", str(spec.crf), "-preset", spec.preset]
    arguments += ["-pix_fmt", pixel_format, *tag_arguments(color)]
    return [*arguments, "-f", container.muxer, *container.options, file_url(spec.path)]


def _written_color(spec: OutputSpec, pixel_format: str) -> Color:
    """The color as the file holds it."""
    if spec.codec.still:  # viewers take a picture file as sRGB; a film's tags would change its look
        return Color("smpte170m" if pixel_format.startswith("yuv") else GBR, None, None, full_range=True)
    if pixel_format.startswith("yuv"):
        return yuv_color(spec.color, spec.width, spec.height)
    return Color(GBR, spec.color.primaries, spec.color.transfer, full_range=True)


@dataclass(frozen=True)
class _Carried:
    """The arguments for what comes from the source: its place among the inputs, and among the outputs."""

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()


def _carried(spec: OutputSpec, source: MediaInfo) -> _Carried:
    """Sounds, title and chapters of the source, on the clock of the pictures.

    The pictures begin at 0 here. A shift of the source's clock keeps the distance between them and the
    sounds; then the muxer moves all of it to where the source began, with no rounding to frames.
    """
    sounds = plan_sound(source, spec.path).kept
    begin = source.video.start
    first = min([begin, *(sound.start for sound in sounds if sound.start is not None)])
    lead = begin - max(first, Fraction(0))  # sounds may begin before 0: what decoders drop at their start
    shift = ("-copyts", "-itsoffset", f"{float(-begin):.6f}")
    maps = [word for sound in sounds for word in ("-map", f"1:{sound.index}")]
    about = ("-c:a", "copy", "-map_metadata", "1", "-map_chapters", "1")
    return _Carried(
        (*shift, *input_arguments(source.path, source.container)),
        (*maps, *about, "-output_ts_offset", f"{float(lead):.6f}"),
    )
