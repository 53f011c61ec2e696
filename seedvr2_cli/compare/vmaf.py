"""VMAF by ffmpeg's libvmaf, where the ffmpeg at hand has it."""

import os
import re
from typing import Self

import numpy as np

from seedvr2_cli.compare.pictures import same_depth
from seedvr2_cli.media.ffmpeg import FFmpeg, explain
from seedvr2_cli.media.filters import from_rgb, pipe_format
from seedvr2_cli.media.info import Color
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import planes
from seedvr2_cli.media.yuv import yuv_color

FILTER = "libvmaf"
MIN_SIDE = 32  # pixels; below 18 it crashes, below 24 its results differ from build to build
MAX_THREADS = 16

_SCORE = re.compile(r"VMAF score: (\d{1,3}(?:\.\d+)?)\s*$")


def why_not(ffmpeg: FFmpeg, size: tuple[int, int]) -> str:
    """Why there is no VMAF of frames of this size (width, height); empty where there is one."""
    if FILTER not in ffmpeg.filters:
        return f"this ffmpeg ({ffmpeg.version}) has no {FILTER}"
    return "" if min(size) >= MIN_SIDE else f"the frames are smaller than {MIN_SIDE}x{MIN_SIDE}"


class Vmaf:
    """One ffmpeg that is given pairs of frames, each pair as one picture, reference above.

    So both come as they are compared everywhere else: time stamps, sizes and tags of the files cannot make
    ffmpeg pair or convert them in another way. Lives as long as the `with` block.
    """

    def __init__(self, ffmpeg: FFmpeg, size: tuple[int, int], depth: int, color: Color) -> None:
        """size: (width, height) of a frame; depth: 8 or 16; color: of the reference, for its luma."""
        self._dtype = np.dtype("<u2" if depth > 8 else "u1")
        self._stopped = False
        arguments = _arguments(ffmpeg, size, depth, yuv_color(color, *size))
        self._process = FFmpegProcess(ffmpeg.path, arguments, stdin=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def add(self, reference: Pixels, other: Pixels) -> None:
        """Give a pair of frames (H, W, 3). One that ffmpeg does not take is said by `score`."""
        if self._stopped:
            return
        try:
            pair = np.concatenate(same_depth(reference, other), dtype=self._dtype)
            self._process.write(planes(pair).data.cast("B"))
        except OSError:
            self._stopped = True

    def score(self) -> tuple[float | None, str]:
        """The mean over all frames, 0 to 100; or None, and why there is none."""
        self._process.end_input()
        code = self._process.wait()
        found = [match for line in self._process.last_words if (match := _SCORE.search(line))]
        if code or not found:
            return None, explain(self._process.last_words, code)
        return float(found[-1][1]), ""


def _arguments(ffmpeg: FFmpeg, size: tuple[int, int], depth: int, color: Color) -> list[str]:
    width, height = size
    pixel_format = "yuv444p10le" if depth > 8 else "yuv444p"  # only luma counts; 4:4:4 allows odd sizes
    convert = from_rgb(color, depth, pixel_format, zscale="zscale" in ffmpeg.filters)
    threads = min(os.cpu_count() or 1, MAX_THREADS)
    parts = (
        f"[0:v]{convert},split[upper][lower]",
        f"[upper]crop={width}:{height}:0:0[reference]",
        f"[lower]crop={width}:{height}:0:{height}[other]",
        f"[other][reference]{FILTER}=n_threads={threads}",
    )
    words = ["-v", "info", "-nostats"]  # the score is said at this level
    words += ["-f", "rawvideo", "-pixel_format", pipe_format(depth, alpha=False)]
    words += ["-video_size", f"{width}x{2 * height}", "-framerate", "25", "-i", "pipe:0"]
    return [*words, "-lavfi", ";".join(parts), "-f", "null", "-"]
