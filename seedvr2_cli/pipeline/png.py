"""A picture of ours to a PNG."""

from fractions import Fraction
from pathlib import Path

from seedvr2_cli.base.files import whole_file
from seedvr2_cli.compare.pictures import Picture
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.media.yuv import real_color


def write_png(path: Path, picture: Picture, like: MediaInfo, ffmpeg: FFmpeg, *, overwrite: bool) -> None:
    """Write a picture (H, W, 3), whole or not at all. like: the media whose color it is in.

    Raises OutputError.
    """
    height, width, _ = picture.shape
    with whole_file(path, overwrite=overwrite) as temporary:
        spec = OutputSpec(
            path=temporary,
            final=path,
            width=width,
            height=height,
            depth=8,
            rate=Fraction(0),
            codec=CODECS["png"],
            color=real_color(like),
        )
        with FrameWriter(spec, ffmpeg) as writer:
            writer.write(picture)
            writer.finish()
