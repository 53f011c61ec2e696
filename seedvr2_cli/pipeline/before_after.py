"""Before and after in one film or picture beside the output: made from both files when a job is done."""

from dataclasses import replace
from pathlib import Path

from seedvr2_cli.base.choices import View
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.files import whole_file
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.compare.wipe import compose, line_at, view_size
from seedvr2_cli.media.ffmpeg import MAX_SIDE, FFmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Pixels
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.pipeline.output import check_output, pad_to


class BeforeAfter:
    """`NAME.compare` beside the output, in its form: same suffix, codec, rate and sound.

    Made before the job: what must fail then fails before the first frame. `write` is for after it.
    """

    def __init__(self, view: View, output: OutputSpec, *, overwrite: bool) -> None:
        """output: of the job, its source the input. Raises UsageError and OutputError."""
        before = output.source
        if before is None:
            what = "latents have no pictures to compare with"
            raise UsageError(what, where=f"--compare {view}", do="leave it out, or decode the clip itself")
        width, height = view_size(view, output.width, output.height)
        if max(width, height) > MAX_SIDE:
            what = f"{width}x{height} pixels are beyond {MAX_SIDE}x{MAX_SIDE}"
            raise UsageError(what, where=f"--compare {view}", do="take --compare wipe")
        self._view, self._before, self._output, self._overwrite = view, before, output, overwrite
        final = output.final.with_name(f"{output.final.stem}.compare{output.final.suffix}")
        check_output(final, before.path, overwrite=overwrite)
        self._spec = replace(output, path=final, final=final, width=width, height=height)

    def write(self, frames: int, ffmpeg: FFmpeg, reporter: Reporter) -> Path:
        """Write it, whole or not at all. frames: of the output. Returns its name."""
        final, after = self._spec.final, probe(self._output.final, ffmpeg)
        with whole_file(final, overwrite=self._overwrite) as temporary:
            spec = replace(self._spec, path=temporary)
            with (
                FrameReader(self._before, ffmpeg) as old,
                FrameReader(after, ffmpeg) as new,
                FrameWriter(spec, ffmpeg) as writer,
            ):
                pairs = zip(old, new, strict=False)
                for index, (before, result) in enumerate(pairs):
                    at = line_at(index, frames, spec.rate)
                    writer.write(compose(self._view, self._padded(before.pixels), result.pixels, at))
                    reporter.emit(Progress("Compare", index + 1, frames))
                writer.finish()
        size = say_bytes(final.stat().st_size)
        held = f"{self._spec.width}x{self._spec.height}, {size}"
        reporter.emit(Line("Compare", f"{final}: {self._view}, {held}", ok=True))
        return final

    def _padded(self, pixels: Pixels) -> Pixels:
        """The input's picture as --pad-even pads the output's."""
        return pad_to(pixels[None], self._output.width, self._output.height)[0]
