"""A file's frames, all of them and in order, as RGB arrays."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.ffmpeg import FFmpeg, explain, input_arguments
from seedvr2_cli.media.filters import to_rgb
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.media.process import FFmpegProcess

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Frame:
    """index: 0 for the first frame. pixels: (height, width, 3), R'G'B' of full range, as the file's transfer
    and primaries have it: uint8, or uint16 (0 to 65535) where the file has more than 8 bits.

    The array is the caller's: the reader keeps no reference to it.
    """

    index: int
    pixels: Pixels


class FrameReader:
    """Decode a probed file with one ffmpeg, which lives as long as the `with` block. Iterate once.

    At the end the frames are counted: ffmpeg ends without an error on several kinds of broken file.
    complaints: what the decoder had to say about a file all of whose frames came; known after the last frame.
    """

    def __init__(self, info: MediaInfo, ffmpeg: FFmpeg) -> None:
        self._info = info
        self.complaints: tuple[str, ...] = ()
        self._process = FFmpegProcess(ffmpeg.path, _arguments(info, ffmpeg), stdout=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames. Raises MediaError at the first place where the file gives no more of them."""
        video = self._info.video
        shape, dtype = (video.height, video.width, 3), np.dtype("<u2" if video.depth > 8 else "u1")
        count = 0
        while True:
            pixels = np.empty(shape, dtype)
            filled = self._process.fill(pixels.data.cast("B"))
            if filled < pixels.nbytes:
                break
            yield Frame(count, pixels)
            count += 1
        self._finish(count, whole=filled == 0)

    def _finish(self, count: int, *, whole: bool) -> None:
        """Decide whether `count` frames were all. whole: the stream ended between two frames."""
        exit_code = self._process.wait()
        said = self._process.last_words
        expected = self._info.video.frames
        missing = expected is not None and count < expected
        if exit_code or not whole:
            raise self._loss(count, explain(said, exit_code))
        if self._info.missing_bytes:
            raise self._loss(count, f"the file is cut off: {self._info.missing_bytes:,} bytes are missing")
        if not count or (missing and (said or self._info.container == "mov")):
            raise self._loss(count, explain(said, exit_code) if said else "the others have no picture")
        if missing:
            said = (f"{count} of {expected} packets held a frame",)
        self.complaints = said

    def _loss(self, count: int, reason: str) -> MediaError:
        expected = self._info.video.frames
        of = f" of {expected}" if expected is not None and expected > count else ""
        return MediaError(f"{count}{of} frames could be read: {reason}", where=self._info.path)


def _arguments(info: MediaInfo, ffmpeg: FFmpeg) -> list[str]:
    # a frame is a frame: the fine time base keeps two that stand close together from being one
    output = ["-map", f"0:{info.video.index}", "-fps_mode", "passthrough", "-enc_time_base", "1:1000000"]
    if info.still:
        output += ["-frames:v", "1"]
    output += ["-vf", to_rgb(info, zscale="zscale" in ffmpeg.filters), "-f", "rawvideo", "pipe:1"]
    keep = ["-noautorotate"] if info.video.turn else []
    return [*keep, *input_arguments(info.path, info.container), *output]
