"""What goes from the source into the output beside the pictures: streams, titles, chapters, on one clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from seedvr2_cli.media.containers import StreamPlan
from seedvr2_cli.media.ffmpeg import file_url, input_arguments
from seedvr2_cli.media.info import MediaInfo, OtherStream
from seedvr2_cli.media.reader import LEAD_IN, SEEKABLE

# what tags say about the file and its bytes, not about the film
_STALE = {
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "duration",
    "bps",
    "number_of_frames",
}
_STALE |= {"number_of_bytes", "alpha_mode"}
_STALE_PREFIX = "_statistics"
_COVERS = {"png": ("image/png", "png"), "mjpeg": ("image/jpeg", "jpg")}
_ATTACHED = ("attachment", "cover")


@dataclass(frozen=True)
class Carry:
    """begin: seconds after the source's first frame at which the pictures begin. cut: what stands before that
    is left out; length: seconds that are kept of the other streams, None for all of them. files: covers that
    have been taken out, by their stream's index: Matroska holds them as attached files.
    """

    source: MediaInfo
    plan: StreamPlan
    begin: Fraction = Fraction(0)
    length: Fraction | None = None
    cut: bool = False
    files: Mapping[int, Path] = field(default_factory=dict)

    @property
    def lead(self) -> Fraction:
        """Seconds between the start of the output's clock and that of the pictures.

        The muxer moves all of it there, with no rounding to frames. Sounds may begin before 0: what decoders
        drop at their start.
        """
        if self.cut:
            return Fraction(0)
        starts = [stream.start for stream in self._timed if stream.start is not None]
        return self.source.video.start - max(min([self.source.video.start, *starts]), Fraction(0))

    @property
    def input(self) -> list[str]:
        """The arguments of the inputs beside the pictures, which are input 0.

        A shift of the source's clock puts the first picture at 0 and keeps its distance to the sounds; covers
        and attachments have no time, and come from a second opening without a shift.
        """
        start = self.source.video.start + self.begin
        arguments = ["-copyts", "-itsoffset", _seconds(-start)]
        place = start - self.source.start - LEAD_IN
        if self.cut and place > 0 and self.source.container in SEEKABLE:
            arguments += ["-ss", _seconds(place)]
        arguments += input_arguments(self.source.path, self.source.container)
        if self._attached:
            arguments += input_arguments(self.source.path, self.source.container)
        return arguments

    @property
    def output(self) -> list[str]:
        """The arguments that map, name and place the streams behind the pictures, which are stream 0."""
        arguments = ["-map_metadata", "1", "-map_chapters", "1", "-map_metadata:s:0", f"1:s:{self._film}"]
        mapped = [*self._timed, *self._attached]
        for number, stream in enumerate(mapped, 1):
            file = 2 if stream.kind in _ATTACHED else 1
            arguments += ["-map", f"{file}:{stream.index}", f"-c:{number}", "copy"]
            arguments += [f"-map_metadata:s:{number}", f"{file}:s:{stream.index}"]
            arguments += [f"-disposition:{number}", "+".join(stream.dispositions) or "0"]
        for number, (index, path) in enumerate(self.files.items(), len(mapped) + 1):
            cover = next(stream for stream in self.plan.kept if stream.index == index)
            kind, suffix = _COVERS[cover.codec]
            name = cover.tags.get("filename", f"cover.{suffix}")
            arguments += ["-attach", file_url(path), f"-metadata:s:{number}", f"filename={name}"]
            arguments += [f"-metadata:s:{number}", f"mimetype={kind}"]
        arguments += ["-disposition:0", "+".join(self.source.video.dispositions) or "0"]
        arguments += _without("-metadata", self.source.tags)
        arguments += _without("-metadata:s:0", self.source.video.tags)
        if self.cut:
            arguments += ["-ss", "0"]
        if self.length is not None:
            arguments += ["-t", _seconds(self.length)]
        return [*arguments, "-output_ts_offset", _seconds(self.lead)]

    @property
    def _film(self) -> int:
        return self.source.video.index

    @property
    def _timed(self) -> list[OtherStream]:
        return [stream for stream in self.plan.kept if stream.kind not in (*_ATTACHED, "data")]

    @property
    def _attached(self) -> list[OtherStream]:
        kept = self.plan.kept
        return [stream for stream in kept if stream.kind in _ATTACHED and stream.index not in self.files]


def _seconds(time: Fraction) -> str:
    return f"{float(time):.6f}"


def _without(option: str, tags: object) -> list[str]:
    assert isinstance(tags, dict)
    stale = [key for key in tags if key.lower() in _STALE or key.lower().startswith(_STALE_PREFIX)]
    return [word for key in stale for word in (option, f"{key}=")]
