"""A file's frames, all of them and in order, as RGB arrays, each with its time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.cut import Cut
from seedvr2_cli.media.ffmpeg import MAX_PIXELS, FFmpeg, explain, input_arguments
from seedvr2_cli.media.filters import to_rgb, to_small_rgb
from seedvr2_cli.media.info import MediaInfo, VideoStream
from seedvr2_cli.media.pipes import Piped
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.stamps import SHOWINFO, StampLog
from seedvr2_cli.media.timeline import Timeline

SEEKABLE = ("mov", "matroska")  # an index leads near a time; others are read from their beginning
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own leave the alpha out
LEAD_IN = 10  # seconds read before a cut: more than a decoder needs behind a key frame

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Frame:
    """index: 0 for the first frame that is kept. time: seconds after the file's first frame, exactly on the
    grid of a constant rate. pixels: (height, width, 3), R'G'B' of full range, as the file's transfer and
    primaries have it: uint8, or uint16 (0 to 65535) where the file has more than 8 bits. alpha: (height,
    width) of the same type, straight, where it was asked for.

    The arrays are the caller's: the reader keeps no reference to them. Each color's samples lie together.
    """

    index: int
    time: Fraction
    pixels: Pixels
    alpha: Pixels | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file is read. keep: what could be decoded of a damaged file is enough; a loss is a complaint.

    small: (width, height) to which frames are scaled before they leave ffmpeg, in 8 bits and without alpha:
    a quick look at the very frames that a reading without it gives. None: as they are.
    """

    cut: Cut = field(default_factory=Cut)
    deinterlace: bool = False
    alpha: bool = False
    keep: bool = False
    small: tuple[int, int] | None = None


class FrameReader:
    """Decode a probed file with one ffmpeg, which lives as long as the `with` block. Iterate once.

    piped: where the film comes from if it is no file.

    At the end the frames are counted: ffmpeg ends without an error on several kinds of broken file.
    complaints: what was wrong with a file whose frames came all the same; known after the last frame.
    """

    def __init__(
        self, info: MediaInfo, ffmpeg: FFmpeg, reading: Reading | None = None, piped: Piped | None = None
    ) -> None:
        self._info = info
        self._reading = reading or Reading()
        self._seeks = _seek_to(info, self._reading.cut) is not None
        self.complaints: tuple[str, ...] = ()
        self._log = StampLog()
        arguments = _arguments(info, ffmpeg, self._reading)
        self._process = FFmpegProcess(
            ffmpeg.path, arguments, stdin=piped is not None, stdout=True, ear=self._log
        )
        if piped:
            piped.feed(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames that are kept. Raises MediaError where the file gives fewer than it should."""
        video, cut = self._info.video, self._reading.cut
        shape, dtype = _form(video, self._reading)
        timeline = Timeline(video)
        count = kept = fields = 0
        while True:
            planes: Pixels = np.empty(shape, dtype)
            filled = self._process.fill(planes.data.cast("B"))
            shown = self._log.take() if filled == planes.nbytes else None
            if shown is None:
                break
            time = timeline.place(shown.stamp)
            if cut.ends(time):
                return
            count += 1
            fields += shown.interlaced
            if cut.holds(time):
                yield _frame(kept, time, planes)
                kept += 1
                if kept == cut.frames:
                    return
        self._finish(count, whole=filled == 0)
        self._judge(count, fields, timeline.odd)
        if not kept:
            last = float(timeline.place(None))
            raise MediaError(
                f"no frame is left: the last one stands before {last:.3f} s", where=self._info.path
            )

    def _finish(self, count: int, *, whole: bool) -> None:
        """Decide whether `count` frames were all. whole: the stream ended between two frames."""
        exit_code = self._process.wait()
        said = self._process.last_words
        expected = None if self._seeks else self._info.video.frames
        missing = expected is not None and count < expected
        if exit_code or not whole:
            self._lose(count, explain(said, exit_code))
        elif self._info.missing_bytes:
            self._lose(count, f"the file is cut off: {self._info.missing_bytes:,} bytes are missing")
        elif not count or (missing and (said or self._info.container == "mov")):
            self._lose(count, explain(said, exit_code) if said else "the others have no picture")
        elif missing:
            self.complaints = (f"{count} of {expected} packets held a frame",)
        elif not self._seeks:  # behind a place that was sought, decoders complain of what came before it
            self.complaints = tuple(f"frames may be damaged: {text}" for text in said)

    def _lose(self, count: int, reason: str) -> None:
        expected = None if self._seeks else self._info.video.frames
        of = f" of {expected}" if expected is not None and expected > count else ""
        text = f"{count}{of} frames could be read: {reason}"
        if not self._reading.keep or not count:
            raise MediaError(text, where=self._info.path)
        self.complaints = (text,)

    def _judge(self, count: int, fields: int, odd: int) -> None:
        """Complain of what the probe could not see in the part of the file that it read."""
        video = self._info.video
        if fields and not self._reading.deinterlace and not video.interlaced:
            self.complaints += (f"{fields} of {count} frames are interlaced; --deinterlace makes them whole",)
        if odd:
            rate = float(video.rate)
            self.complaints += (f"{odd} of {count} frames stood off the beat of {rate:.6g} fps; moved to it",)


def _form(video: VideoStream, reading: Reading) -> tuple[tuple[int, int, int], np.dtype[Any]]:
    """The shape and type of a frame's planes as they come from ffmpeg."""
    if reading.small:
        width, height = reading.small
        return (3, height, width), np.dtype("u1")
    planes = 4 if reading.alpha else 3
    return (planes, video.height, video.width), np.dtype("<u2" if video.depth > 8 else "u1")


def _frame(index: int, time: Fraction, planes: Pixels) -> Frame:
    """planes: G, B, R and perhaps alpha, as `filters.pipe_format` has them."""
    colors = planes[[2, 0, 1]].transpose(1, 2, 0)
    return Frame(index, time, colors, planes[3] if len(planes) == 4 else None)


def _seek_to(info: MediaInfo, cut: Cut) -> float | None:
    """Where ffmpeg begins to read, in seconds after the file's start; None for its beginning."""
    place = info.video.start + cut.start - info.start - LEAD_IN
    return float(place) if place > 0 and cut.start > LEAD_IN and info.container in SEEKABLE else None


def _arguments(info: MediaInfo, ffmpeg: FFmpeg, reading: Reading) -> list[str]:
    # a frame is a frame: the fine time base keeps two that stand close together from being one
    output = ["-map", f"0:{info.video.index}", "-fps_mode", "passthrough", "-enc_time_base", "1:1000000"]
    if info.still:
        output += ["-frames:v", "1"]
    steps = [SHOWINFO]
    if reading.deinterlace:
        steps.append("bwdif=mode=send_frame:deint=" + ("interlaced" if info.video.interlaced else "all"))
    if reading.small:
        steps.append(to_small_rgb(info, reading.small))
    else:
        steps.append(to_rgb(info, zscale="zscale" in ffmpeg.filters, alpha=reading.alpha))
    output += ["-vf", ",".join(steps), "-f", "rawvideo", "pipe:1"]
    before = ["-copyts", *(["-noautorotate"] if info.video.turn else [])]
    place = _seek_to(info, reading.cut)
    if place is not None:
        before += ["-noaccurate_seek", "-ss", f"{place:.6f}"]
    if reading.alpha and info.video.codec in _ALPHA_DECODERS:
        decoder = _ALPHA_DECODERS[info.video.codec]
        before += ["-c:v", decoder] if decoder in ffmpeg.encoders else []
    return [*before, *_input(info), *output]


def _input(info: MediaInfo) -> list[str]:
    if info.piped:
        return ["-max_pixels", str(MAX_PIXELS), *info.piped, "-i", "pipe:0"]
    if info.pictures is None:
        return input_arguments(info.path, info.container)
    pictures = info.pictures
    numbers = ["-framerate", str(pictures.rate), "-start_number", str(pictures.first)]
    limits = ["-protocol_whitelist", "file", "-max_pixels", str(MAX_PIXELS)]
    return [*limits, "-f", "image2", *numbers, "-i", f"file:{pictures.pattern}"]
