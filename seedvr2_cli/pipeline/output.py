"""Where a clip goes and in what form: name, codec, size, and the lines about what does not go along."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.files import refuse_existing, refuse_input, try_folder
from seedvr2_cli.media.codecs import is_444
from seedvr2_cli.media.containers import CONTAINERS, choose_codec, plan_sound
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.pipeline.options import DecodeOptions

LATENTS_SUFFIX = ".latents"


def default_output(source: Path, *, still: bool, codec: Codec | None) -> Path:
    """`NAME.decoded` beside the input, with the suffix of what comes out."""
    suffix = ".mkv" if codec is Codec.FFV1 else ".mp4"
    if still:
        own = source.suffix.lower()
        suffix = own if own in CONTAINERS and own not in (".mp4", ".m4v", ".mkv", ".mov", ".avi") else ".png"
    return source.with_name(f"{source.stem.removesuffix(LATENTS_SUFFIX)}.decoded{suffix}")


def check_output(final: Path, source: Path, *, overwrite: bool) -> None:
    """Raise OutputError where final cannot or must not be written. Nothing is left behind."""
    if str(final) == "-":
        raise UsageError("writing to stdout is not offered", where="-o -", do="give a file")
    refuse_input(final, source)
    refuse_existing(final, overwrite=overwrite)
    try_folder(final)


def choose_output(
    options: DecodeOptions, template: OutputSpec, reporter: Reporter, *, still: bool
) -> OutputSpec:
    """The whole OutputSpec, its path the final one; says in a line each what is changed or left out.

    template: the output as the source has it. Raises UsageError and OutputError.
    """
    final = options.output or default_output(options.input, still=still, codec=options.codec)
    check_output(final, options.input, overwrite=options.overwrite)
    codec = choose_codec(final, options.codec, still=still)
    spec = replace(template, path=final, final=final, crf=options.crf, codec=codec)
    if spec.source is not None:
        _say_left_out(spec.source, final, reporter)
    return _even(spec, reporter, pad=options.pad_even)


def pad_to(pictures: Pixels, width: int, height: int) -> Pixels:
    """Pictures (n, H, W, 3) with the last row or column repeated up to height and width."""
    _, rows, columns, _ = pictures.shape
    if (rows, columns) == (height, width):
        return pictures
    down = np.minimum(np.arange(height), rows - 1)
    return pictures[:, down][:, :, np.minimum(np.arange(width), columns - 1)]


def _even(spec: OutputSpec, reporter: Reporter, *, pad: bool) -> OutputSpec:
    """An odd size goes out as 4:4:4 where the codec is 4:2:0 else, or padded if the user says so."""
    width, height = spec.width, spec.height
    odd = width % 2 or height % 2
    if not odd or spec.codec.still or not is_444(spec.codec.pixel_format(width, height, spec.depth)):
        return spec
    if pad:
        wide, high = width + width % 2, height + height % 2
        text = f"the odd size {width}x{height} is padded to {wide}x{high}"
        reporter.emit(Line("Output", text))
        return replace(spec, width=wide, height=high)
    text = (
        f"the odd size {width}x{height} is kept, in 4:4:4, which not every player shows; --pad-even pads it"
    )
    reporter.emit(Line("Output", text, level=Level.WARNING))
    return spec


def _say_left_out(source: MediaInfo, final: Path, reporter: Reporter) -> None:
    sound = None if source.still else plan_sound(source, final).warning
    lost = [stream.kind for stream in source.others if stream.kind != "audio"]
    kinds = ", ".join(f"{lost.count(kind)} {kind}" for kind in dict.fromkeys(lost))
    warnings = [
        sound,
        f"streams that are not carried over: {kinds}" if kinds else None,
        "transparency is left out: pictures go out opaque" if source.video.alpha else None,
        f"the frame rate varies; written at its mean, {float(source.video.rate):.6g} fps"
        if source.video.variable_rate
        else None,
    ]
    for text in warnings:
        if text:
            reporter.emit(Line("Output", text, level=Level.WARNING))
