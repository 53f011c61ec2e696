"""RGB arrays into a file, each at its time, with what the source holds beside them."""

import errno
import os
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np

from seedvr2_cli.base.choices import Codec, PipeFormat
from seedvr2_cli.base.errors import OutputError, ShapeError
from seedvr2_cli.base.files import output_error
from seedvr2_cli.media.carry import Carry
from seedvr2_cli.media.codecs import VideoCodec
from seedvr2_cli.media.containers import STDOUT, Container, container_of
from seedvr2_cli.media.ffmpeg import FFmpeg, explain, file_url
from seedvr2_cli.media.filters import from_rgb, pipe_format, tag_arguments, tag_filter
from seedvr2_cli.media.hdr import hdr_parameters
from seedvr2_cli.media.info import Color, Hdr
from seedvr2_cli.media.nut import NutHead
from seedvr2_cli.media.probe import stream_heads
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
    """What to write. path: where ffmpeg writes, replaced if it exists, `-` for stdout; final: the name for
    messages. pipe: the form of stdout.

    depth: bits of the samples that `write` is given, 8 or 16; alpha: with transparency. rate: frames per
    second, the mean where times are given, 0 for a picture; tick: seconds of the clock on which they stand.
    color: of the pictures, as `yuv.real_color` gives it; sar: sample aspect ratio; hdr: side data.
    carry: what is copied from the source. crf, preset, encoder_arguments: the encoder's.
    sequence: path is a pattern for many pictures.
    wanted_format: the pixel format asked for, empty for the codec's own.
    """

    path: Path
    final: Path
    width: int
    height: int
    depth: int
    rate: Fraction
    codec: VideoCodec
    color: Color
    alpha: bool = False
    tick: Fraction = Fraction(0)
    sar: Fraction = Fraction(1)
    hdr: Hdr = field(default_factory=Hdr)
    carry: Carry | None = None
    crf: int = 16
    preset: str = ""
    encoder_arguments: tuple[str, ...] = ()
    wanted_format: str = ""
    pipe: PipeFormat = PipeFormat.Y4M
    sequence: bool = False

    def __post_init__(self) -> None:
        if not self.tick:
            object.__setattr__(self, "tick", Fraction(1, self.rate.numerator) if self.rate else Fraction(1))

    @property
    def still(self) -> bool:
        """Whether it is one picture."""
        return not self.rate

    @property
    def container(self) -> Container:
        """The row of the file's kind."""
        container = container_of(self.path, self.pipe)
        if not self.sequence:
            return container
        return replace(container, muxer="image2", options=("-start_number", "1"))

    @property
    def pixel_format(self) -> str:
        """The pixel format that is encoded."""
        chosen = self.codec.pixel_format(self.width, self.height, self.depth, alpha=self.alpha)
        return self.wanted_format or chosen


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
        self._channels = 4 if spec.alpha else 3
        self._count = 0
        self._last = -1  # ticks
        size = (spec.width, spec.height)
        self._head = None if spec.still else NutHead(size, spec.depth, self._channels, spec.tick, spec.rate)
        stdout = 1 if spec.path == STDOUT else False
        self._covers = TemporaryDirectory(prefix="seedvr2.")
        spec = _with_covers(spec, Path(self._covers.name))
        self._process = FFmpegProcess(ffmpeg.path, _arguments(spec, ffmpeg), stdin=True, stdout=stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()
        self._covers.cleanup()

    def write(self, pixels: Pixels, time: Fraction | None = None) -> None:
        """Encode a picture: (height, width, 3), or 4 with alpha; R'G'B' of full range, uint8 or uint16.

        time: seconds after the output's beginning, the nearest tick is taken; None: one frame later than the
        picture before. Raises ShapeError, and OutputError when ffmpeg cannot write on.
        """
        expected = (self._spec.height, self._spec.width, self._channels)
        if pixels.shape != expected or pixels.dtype != self._dtype:
            raise ShapeError(f"a picture of {pixels.shape} {pixels.dtype}, not {expected} {self._dtype}")
        try:
            if self._head:
                first = b"" if self._count else self._head.file()
                self._process.write(memoryview(first + self._head.picture(self._stamp(time))))
            self._process.write(planes(pixels).data.cast("B"))
        except OSError as error:
            raise self._failure() from error
        self._count += 1

    def _stamp(self, time: Fraction | None) -> int:
        if time is None:
            time = self._count / self._spec.rate
        self._last = max(self._last + 1, round(time / self._spec.tick))
        return self._last

    def finish(self) -> None:
        """Let the encoder come to its end. Raises OutputError when the file is not whole."""
        if not self._count:
            raise OutputError("no frame was written", where=self._spec.final)
        self._process.end_input()
        if self._process.wait() or self._disk_error():  # 5.1 ends with 0 when the disk is full at the end
            raise self._failure()

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


def planes(pixels: Pixels) -> Pixels:
    """Pixels (H, W, C) as planes of G, B, R and alpha: what `filters.pipe_format` names."""
    found: Pixels = pixels.transpose(2, 0, 1)[[1, 2, 0, 3][: pixels.shape[2]]]
    return found if found.flags.c_contiguous else found.copy()


def _with_covers(spec: OutputSpec, folder: Path) -> OutputSpec:
    """Take the covers out into folder where the output holds them as files."""
    if spec.carry is None or spec.container.muxer != "matroska":
        return spec
    covers = [stream.index for stream in spec.carry.plan.kept if stream.kind == "cover"]
    if not covers:
        return spec
    files = {index: folder / str(index) for index in covers}
    for index, data in stream_heads(spec.carry.source, covers).items():
        files[index].write_bytes(data)
    return replace(spec, carry=replace(spec.carry, files=files))


def _arguments(spec: OutputSpec, ffmpeg: FFmpeg) -> list[str]:
    container, pixel_format = spec.container, spec.pixel_format
    color = _written_color(spec, pixel_format)
    convert = from_rgb(color, spec.depth, pixel_format, zscale="zscale" in ffmpeg.filters, alpha=spec.alpha)
    aspect = f"setsar={spec.sar.numerator}/{spec.sar.denominator}:max={SAR_LIMIT}"
    arguments = ["-y", *_pipe(spec), "-i", "pipe:0"]
    carry = spec.carry
    arguments += [*(carry.input if carry else ()), "-map", "0:v", *(carry.output if carry else ())]
    arguments += ["-filter:v:0", f"{convert},{tag_filter(color)},{aspect}", "-fps_mode", "passthrough"]
    arguments += ["-enc_time_base:v:0", f"{spec.tick.numerator}:{spec.tick.denominator}"]
    arguments += ["-c:v:0", spec.codec.encoder, *spec.codec.options, *_quality(spec)]
    arguments += ["-pix_fmt:v:0", pixel_format, *tag_arguments(color)]
    if spec.codec.name == Codec.X265 and container.muxer in ("mp4", "mov"):
        arguments += ["-tag:v:0", "hvc1"]  # Apple's players want it; the others take both
    target = "pipe:1" if spec.path == STDOUT else file_url(spec.path)
    return [*arguments, "-f", container.muxer, *container.options, target]


def _pipe(spec: OutputSpec) -> list[str]:
    """How the pictures arrive: a film in NUT, each with its time, and a picture as it is."""
    if not spec.still:
        return ["-f", "nut"]
    form = pipe_format(spec.depth, alpha=spec.alpha)
    return ["-f", "rawvideo", "-pixel_format", form, "-video_size", f"{spec.width}x{spec.height}"]


def _quality(spec: OutputSpec) -> list[str]:
    """--crf, --preset, HDR10's side data, and --encoder-args, whose own parameters are put behind ours."""
    codec = spec.codec
    words = [codec.quality, str(spec.crf)] if codec.quality else []
    words += ["-preset", spec.preset or codec.preset] if codec.presets else []
    given = list(spec.encoder_arguments)
    if not codec.parameters:
        return [*words, *given]
    option, *parameters = codec.parameters
    parameters += hdr_parameters(codec.name, spec.hdr)
    while option in given[:-1]:
        at = given.index(option)
        parameters.append(given[at + 1])
        del given[at : at + 2]
    return [*words, *([option, ":".join(parameters)] if parameters else []), *given]


def _written_color(spec: OutputSpec, pixel_format: str) -> Color:
    """The color as the file holds it."""
    yuv = pixel_format.startswith(("yuv", "p0", "p2"))
    if spec.container.picture:  # viewers take a picture file as sRGB; a film's tags would change its look
        return Color("smpte170m" if yuv else GBR, None, None, full_range=True)
    if yuv:
        return yuv_color(spec.color, spec.width, spec.height)
    return Color(GBR, spec.color.primaries, spec.color.transfer, full_range=True)
