"""A film on stdin: looked at as far as its first frame, then handed on to ffmpeg with nothing lost."""

import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.ffmpeg import MAX_PIXELS
from seedvr2_cli.media.info import MediaInfo, RawForm
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.streams import film_facts, other_facts
from seedvr2_cli.media.survey import Survey, first_frame
from seedvr2_cli.media.yuv import real_color

STDIN = Path("-")
LOOKED_AT = 256 << 20  # bytes in which the first frame must come: two raw ones of the largest size in 8 bits
_PIECE = 1 << 20
_CONSTANT = ("yuv4mpegpipe", "rawvideo")  # they have one rate and no times


class Piped:
    """A stream that is read once. What the probe took is kept, and goes to ffmpeg first."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stdin.buffer
        self._seen = bytearray()

    def read(self, size: int) -> bytes:
        """For the probe: the next bytes, none beyond LOOKED_AT."""
        if len(self._seen) >= LOOKED_AT:
            return b""
        data = self._stream.read(size)
        self._seen += data
        return data

    def feed(self, process: FFmpegProcess) -> None:
        """Start to hand everything to the process's stdin, on a thread that ends with the stream."""
        threading.Thread(target=self._feed, args=(process,), name="stdin", daemon=True).start()

    def _feed(self, process: FFmpegProcess) -> None:
        try:
            process.write(memoryview(self._seen))
            while data := self._stream.read(_PIECE):
                process.write(memoryview(data))
            process.end_input()
        except (OSError, ValueError):  # ffmpeg has what it wanted, or was stopped
            return


def probe_piped(piped: Piped, raw: RawForm | None = None) -> MediaInfo:
    """The facts of what comes on stdin, as far as its first frame tells. Raises MediaError.

    Where each frame has a time, the rate is taken as variable: its end is not in sight.
    """
    form, options = _form(raw)
    allowed = {"protocol_whitelist": "none", "max_pixels": str(MAX_PIXELS)}
    try:
        with av.open(_Reader(piped), "r", format=form, options=options | allowed) as container:
            if not container.streams.video:
                raise MediaError("has no picture", where="stdin")
            film = container.streams.video[0]
            frame = first_frame(container, film)
            if frame is None:
                raise MediaError("has no frame that can be decoded", where="stdin")
            return _facts(container, film, frame, options)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError("is no video", where="stdin", do="send y4m, NUT, or raw with --raw-input") from error


def _facts(container: Any, film: Any, frame: Any, options: dict[str, str]) -> MediaInfo:
    name = container.format.name.split(",")[0]
    seen = Survey(frame, None, (), frame.pts or 0)
    video = film_facts(STDIN, film, seen, is_still=False)
    video = replace(video, variable_rate=name not in _CONSTANT)
    info = MediaInfo(
        path=STDIN,
        container=name,
        still=False,
        video=video,
        others=tuple(other_facts(stream) for stream in container.streams if stream is not film),
        duration=None,
        size_bytes=0,
        missing_bytes=0,
        tags=dict(container.metadata),
        piped=("-f", name, *(word for key, value in options.items() for word in (f"-{key}", value))),
    )
    real_color(info)  # a matrix that cannot be read is said now
    return info


def _form(raw: RawForm | None) -> tuple[str | None, dict[str, str]]:
    if raw is None:
        return None, {}
    size = f"{raw.width}x{raw.height}"
    return "rawvideo", {"video_size": size, "pixel_format": raw.pix_fmt, "framerate": str(raw.rate)}


class _Reader:
    """What PyAV may do with it: read on, and nothing else."""

    def __init__(self, piped: Piped) -> None:
        self.read = piped.read
