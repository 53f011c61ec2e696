"""Before and after in one film or picture beside the output: made from both files when a job is done."""

from dataclasses import replace
from pathlib import Path

from seedvr2_cli.base.choices import View
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.files import check_output, whole_file
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.compare.wipe import compose, line_at, view_size
from seedvr2_cli.media.codecs import has_alpha
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.ffmpeg import MAX_SIDE, FFmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Pixels, Reading
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.pipeline.output import first_time, pad_to
from seedvr2_cli.pipeline.sources import MediaSource, Source


class BeforeAfter:
    """`NAME.compare` beside the output, in its form: same suffix, codec, times, sound and other streams.

    It is opaque: where the output is transparent, it shows the colors as they are stored. Made before the
    job: what must fail then fails before the first frame. `write` is for after it.
    """

    def __init__(self, view: View, output: OutputSpec, source: Source, *, overwrite: bool) -> None:
        """output, source: of the job. Raises UsageError and OutputError."""
        self._view, self._output, self._overwrite = view, output, overwrite
        self._source = _comparable(source, output)
        width, height = view_size(view, output.width, output.height)
        if max(width, height) > MAX_SIDE:
            what = f"{width}x{height} pixels are beyond {MAX_SIDE}x{MAX_SIDE}"
            raise UsageError(what, where=f"--compare {view}", do="take --compare wipe")
        final = output.final.with_name(f"{output.final.stem}.compare{output.final.suffix}")
        check_output(final, source.template.path, overwrite=overwrite)
        self._spec = replace(
            output,
            path=final,
            final=final,
            width=width,
            height=height,
            depth=max(output.depth, source.template.depth),  # `compose` takes the deeper one's
            alpha=False,
            wanted_format="" if has_alpha(output.wanted_format) else output.wanted_format,
        )

    def write(self, frames: int, ffmpeg: FFmpeg, reporter: Reporter) -> Path:
        """Write it, whole or not at all. frames: of the output. Returns its name."""
        final, after = self._spec.final, probe(self._output.final, ffmpeg)
        alpha = self._output.alpha  # decoders that see it may give other colors where all is transparent
        steady, begin = self._spec.container.steady, first_time(self._source)
        with whole_file(final, overwrite=self._overwrite) as temporary:
            spec = replace(self._spec, path=temporary)
            with (
                self._source.reader(alpha=alpha) as old,
                FrameReader(after, ffmpeg, Reading(alpha=alpha)) as new,
                FrameWriter(spec, ffmpeg) as writer,
            ):
                pairs = zip(old, new, strict=False)
                for index, (before, result) in enumerate(pairs):
                    at = line_at(index, frames, spec.rate)
                    picture = compose(self._view, self._padded(before.pixels), result.pixels, at)
                    writer.write(picture, None if steady else before.time - begin)
                    reporter.emit(Progress("Compare", index + 1, frames))
                writer.finish()
        size = say_bytes(final.stat().st_size)
        held = f"{self._spec.width}x{self._spec.height}, {size}"
        reporter.emit(Line("Compare", f"{final}: {self._view}, {held}", ok=True))
        return final

    def _padded(self, pixels: Pixels) -> Pixels:
        """The input's picture as --pad-even pads the output's; a smaller one is for `compose` to scale."""
        height, width, _ = pixels.shape
        if self._output.width - width > 1 or self._output.height - height > 1:
            return pixels
        return pad_to(pixels[None], self._output.width, self._output.height)[0]


def _comparable(source: Source, output: OutputSpec) -> MediaSource:
    """The source, if it and the output are files that can be read again. Raises UsageError."""
    if output.final == STDOUT:
        raise _refused("what goes to stdout cannot be read again", "give -o a file")
    if output.sequence:
        raise _refused("the output is a sequence of pictures, not one film", "give -o a film")
    if not isinstance(source, MediaSource):
        raise _refused("latents have no pictures to compare with", "leave it out, or decode the clip itself")
    if source.info.piped:
        raise _refused("what comes on stdin cannot be read again", "give a file as the input")
    return source


def _refused(what: str, do: str) -> UsageError:
    return UsageError(what, where="--compare", do=do)
