"""A small clip made on the spot: moving test picture and a tone, for where none is at hand."""

from fractions import Fraction
from pathlib import Path

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.media.ffmpeg import FFmpeg, explain, file_url
from seedvr2_cli.media.filters import tag_arguments, tag_filter
from seedvr2_cli.media.info import Color
from seedvr2_cli.media.process import FFmpegProcess


def make_clip(ffmpeg: FFmpeg, path: Path, size: tuple[int, int], rate: Fraction, frames: int) -> None:
    """Write an H.264 MP4 with AAC sound to path. size: (width, height), even. Raises OutputError."""
    picture = f"testsrc2=size={size[0]}x{size[1]}:rate={rate}"
    arguments = ["-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=440"]
    arguments += ["-t", f"{float(frames / rate):.6f}", "-frames:v", str(frames)]
    color = Color("bt709", "bt709", "bt709", full_range=False)
    convert = "scale=out_color_matrix=bt709:out_range=limited,format=yuv420p"
    arguments += ["-vf", f"{convert},{tag_filter(color)}", *tag_arguments(color)]
    arguments += ["-c:v", "libx264", "-crf", "12", "-c:a", "aac", "-f", "mp4", file_url(path)]
    with FFmpegProcess(ffmpeg.path, arguments) as process:
        code = process.wait()
        if code:
            raise OutputError(f"cannot be made ({explain(process.last_words, code)})", where=path)
