"""What is done so far, as a film that can be watched while the run goes on."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import OutputError, UsageError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.ledger.work_folder import WorkFolder
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.hdr import Hdr
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import FrameWriter, OutputSpec

# Matroska is playable wherever it is cut; a cluster for each frame, none held back, lets it grow by frames
_GROWING = ("-tune", "zerolatency", "-g", "24", "-cluster_size_limit", "1", "-flush_packets", "1")
_CRF = 23
_NOTE = "preview"


class Preview:
    """A film beside an output: its frames, at their mean rate. It never ends a run: where it cannot be
    written on, a line says so. A run that stops leaves it, and the next one begins it again."""

    def __init__(self, spec: OutputSpec, size: tuple[int, int], ffmpeg: FFmpeg, reporter: Reporter) -> None:
        """spec: of the output; size: (width, height) of the pictures. Raises UsageError where there is no
        place for it."""
        if spec.final == STDOUT or spec.still or spec.sequence:
            what = "is for an output that is a film in a file"
            raise UsageError(what, where="--preview", do="leave it out")
        self.path = spec.final.with_name(f"{spec.final.stem}.preview.mkv")
        self._spec = replace(
            spec,
            path=self.path,
            final=self.path,
            width=size[0],
            height=size[1],
            codec=CODECS[Codec.X264],
            alpha=False,
            carry=None,
            tick=Fraction(0),
            hdr=Hdr(),
            crf=_CRF,
            preset="ultrafast",
            encoder_arguments=_GROWING,
            wanted_format="",
        )
        self._ffmpeg, self._reporter = ffmpeg, reporter

    def passing(
        self, pictures: Iterator[Pixels], owned: ExitStack, work: WorkFolder | None
    ) -> Iterator[Pixels]:
        """The same pictures, (n, H, W, 3), which are written as they pass; the writer goes into owned. work:
        remembers that there is a preview."""
        if work is not None:
            work.add_note(_NOTE, {"name": self.path.name})
        writer: FrameWriter | None = owned.enter_context(FrameWriter(self._spec, self._ffmpeg))
        self._reporter.emit(Line("Preview", f"{self.path} grows as frames are done"))
        for batch in pictures:
            try:
                if writer is not None:
                    for pixels in batch:
                        writer.write(pixels, None)
            except OutputError as error:
                self._reporter.emit(Line("Preview", f"ends here: {error}", level=Level.WARNING))
                writer = None
            yield batch

    def remove(self) -> None:
        """The output is whole."""
        with suppress(OSError):
            self.path.unlink()


def remove_earlier(work: WorkFolder, output: Path) -> None:
    """The output is whole: the preview of a run before this one goes too, if there was any."""
    name = work.note(_NOTE).get("name")
    if name is not None:
        with suppress(OSError):
            output.with_name(Path(name).name).unlink()
