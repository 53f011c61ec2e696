"""How media is read and written: frozen values that check themselves. No torch."""

from dataclasses import dataclass
from fractions import Fraction

from seedvr2_cli.base.choices import OnError, PipeFormat
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.units import parse_rate, parse_size
from seedvr2_cli.media.cut import Cut
from seedvr2_cli.media.info import RawForm


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """What of the input is read, and how. start, end: seconds after its first frame.

    deinterlace: None refuses interlaced films, False takes their lines as they are. rate: frames per second
    of a sequence of pictures. raw: the form of raw video on stdin.
    """

    start: Fraction = Fraction(0)
    end: Fraction | None = None
    frames: int | None = None
    deinterlace: bool | None = None
    on_error: OnError = OnError.STOP
    rate: Fraction | None = None
    raw: RawForm | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            what = f"{float(self.end):g} s is not after the start, {float(self.start):g} s"
            raise UsageError(what, where="--end", do="give a later time")
        if self.frames is not None and self.frames < 1:
            raise UsageError(f"{self.frames} frames are nothing", where="--frames", do="give 1 or more")

    @property
    def cut(self) -> Cut:
        """What of a film is kept."""
        return Cut(start=self.start, end=self.end, frames=self.frames)


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """How the pictures are encoded, beside codec and quality. None: the codec's own choice.

    encoder_arguments: words for ffmpeg's command line, behind ours. pipe: what `-o -` writes.
    """

    preset: str | None = None
    pix_fmt: str | None = None
    encoder_arguments: tuple[str, ...] = ()
    pipe: PipeFormat = PipeFormat.Y4M


def parse_raw_form(text: str, where: str) -> RawForm:
    """`640x360:yuv420p:24` as the form of raw video. Raises UsageError, naming the option."""
    size, *rest = text.split(":")
    if len(rest) != 2 or "x" not in size:
        do = "write it as 640x360:yuv420p:24"
        raise UsageError(f"{text!r} is no size, pixel format and rate", where=where, do=do)
    return RawForm(*parse_size(size, where=where), rest[0], parse_rate(rest[1]))
