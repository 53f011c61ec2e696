"""Where a clip goes and in what form: name, codec, size, and the lines about what does not go along."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.files import check_output, refuse_existing, try_folder
from seedvr2_cli.media.carry import Carry
from seedvr2_cli.media.codecs import (
    CODECS,
    VideoCodec,
    check_pixel_format,
    depth_of,
    has_alpha,
    is_444,
)
from seedvr2_cli.media.containers import CONTAINERS, STDOUT, StreamPlan, choose_codec, plan_streams
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.hdr import holds_hdr
from seedvr2_cli.media.info import Hdr, MediaInfo
from seedvr2_cli.media.pipes import STDIN
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.sequence import DEFAULT_NAME, is_pattern, numbered
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.pipeline.options import FrameJob
from seedvr2_cli.pipeline.sources import Source

LATENTS_SUFFIX = ".latents"


def default_output(source: Path, word: str, *, still: bool, codec: Codec | None) -> Path:
    """`NAME.WORD` beside the input, with the suffix of what comes out; word: what was done."""
    suffix = ".mkv" if codec is Codec.FFV1 else ".mp4"
    if still:
        own = source.suffix.lower()
        suffix = own if own in CONTAINERS and CONTAINERS[own].picture else ".png"
    return source.with_name(f"{source.stem.removesuffix(LATENTS_SUFFIX)}.{word}{suffix}")


def latents_output(source: Path, output: Path | None, stem: str, *, overwrite: bool) -> Path:
    """The latent file to write: what is given, else `STEM.latents.safetensors` beside the source. Raises
    UsageError and OutputError."""
    final = output or source.with_name(f"{stem}{LATENTS_SUFFIX}.safetensors")
    if final == STDOUT:
        raise UsageError("latents are not written to stdout", where="-o -", do="give a file")
    check_output(final, source, overwrite=overwrite)
    return final


def choose_output(
    options: FrameJob,
    source: Source,
    ffmpeg: FFmpeg,
    reporter: Reporter,
    word: str = "decoded",
    size: tuple[int, int] | None = None,
) -> OutputSpec:
    """The whole OutputSpec, its path the final one; says in a line each what is changed or left out.

    word: what is done, for a name that is not given. size: (width, height) of the pictures; None: as they
    come. Raises UsageError and OutputError.
    """
    template, media = source.template, source.media
    if size is not None:
        template = replace(template, width=size[0], height=size[1])
    if options.input == STDIN and options.output is None:
        raise UsageError("is missing", where="-o", do="stdin has no name: give the output one")
    final = options.output or default_output(options.input, word, still=source.still, codec=options.codec)
    sequence = not source.still and (is_pattern(final) or final.is_dir())
    if sequence:
        final = final / DEFAULT_NAME if final.is_dir() else final
        _check_sequence(final, overwrite=options.overwrite)
    elif final != STDOUT:
        check_output(final, options.input, overwrite=options.overwrite)
    picture = source.still or sequence
    codec = choose_codec(
        final, options.codec, picture=picture, deep=template.depth > 8, pipe=options.writing.pipe
    )
    codec = _at_hand(codec, options.codec, ffmpeg, reporter)
    _check_encoder(options, codec, ffmpeg)
    writing = options.writing
    spec = replace(
        template,
        path=final,
        final=final,
        crf=options.crf,
        codec=codec,
        preset=writing.preset or "",
        encoder_arguments=writing.encoder_arguments,
        wanted_format=writing.pix_fmt or "",
        pipe=writing.pipe,
        sequence=sequence,
        alpha=media is not None and media.video.alpha,
    )
    spec = _even(spec, reporter, pad=options.pad_even)
    spec = replace(spec, alpha=spec.alpha and has_alpha(spec.pixel_format))
    spec = replace(spec, depth=8 if depth_of(spec.pixel_format) <= 8 else 16)
    if media is None:
        return spec
    plan = _plan(media, spec)
    for text in _left_out(media, spec, plan):
        reporter.emit(Line("Output", text, level=Level.WARNING))
    if source.still or sequence or media.pictures or media.piped or final == STDOUT:
        return spec
    cut, begin = source.cut, first_time(source)
    # at one rate the pictures of a variable source end elsewhere than in it, and all of them are to be kept
    drifts = spec.container.steady and media.video.variable_rate
    length = None if cut.end is None or drifts else cut.end - begin
    return replace(spec, carry=Carry(media, plan, begin, length, cut=not cut.whole))


def first_time(source: Source) -> Fraction:
    """Seconds after the source's first frame at which the output begins."""
    return source.cut.first(source.media.video) if source.media else Fraction(0)


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
    even_format = spec.codec.pixel_format(2, 2, spec.depth, alpha=spec.alpha)
    if not odd or spec.wanted_format or not is_444(spec.pixel_format) or is_444(even_format):
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


def _at_hand(codec: VideoCodec, wanted: Codec | None, ffmpeg: FFmpeg, reporter: Reporter) -> VideoCodec:
    """x264 where nothing was asked for and this ffmpeg has no x265."""
    if wanted is not None or codec.name != Codec.X265 or codec.encoder in ffmpeg.encoders:
        return codec
    text = f"this ffmpeg ({ffmpeg.version}) has no x265; written as x264"
    reporter.emit(Line("Output", text, level=Level.WARNING))
    return CODECS[Codec.X264]


def _plan(media: MediaInfo, spec: OutputSpec) -> StreamPlan:
    """The streams that go along; none from stdin, which is read once."""
    name = "stdout" if spec.path == STDOUT else "a sequence" if spec.sequence else spec.path.suffix.lower()
    if media.piped:
        return StreamPlan((), media.others, "an output of stdin")
    return plan_streams(media, spec.container, name)


def _check_sequence(pattern: Path, *, overwrite: bool) -> None:
    if not pattern.parent.exists():
        try_folder(pattern.parent)
    existing = numbered(pattern)
    if existing and not overwrite:
        refuse_existing(existing[0], overwrite=False)


def _check_encoder(options: FrameJob, codec: VideoCodec, ffmpeg: FFmpeg) -> None:
    if codec.quality and options.crf > codec.worst:
        what = f"{options.crf} is outside 0 to {codec.worst}"
        raise UsageError(what, where="--crf", do="0 is lossless, 16 fine")
    preset = options.writing.preset
    if preset and preset not in codec.presets:
        known = f"take {', '.join(codec.presets)}" if codec.presets else "leave it out"
        raise UsageError(f"{codec.name} has no preset {preset!r}", where="--preset", do=known)
    if options.writing.pix_fmt:
        check_pixel_format(codec, options.writing.pix_fmt, ffmpeg)


def _left_out(media: MediaInfo, spec: OutputSpec, plan: StreamPlan) -> Iterator[str]:
    """A line for each thing of the source that the output cannot hold."""
    video, name = media.video, spec.codec.name
    if plan.warning and not media.still:
        yield plan.warning
    if video.alpha and not spec.alpha:
        way_out = "" if media.still else "; --codec ffv1 -o NAME.mkv keeps it"
        yield f"transparency is left out: {name} in {spec.pixel_format} is opaque{way_out}"
    depth = depth_of(spec.pixel_format)
    if depth < min(video.depth, 10):
        yield f"{video.depth} bits are rounded to the {depth} of {name} in {spec.pixel_format}"
    if video.hdr != Hdr() and not holds_hdr(name):
        yield f"HDR10's side data is left out: {name} does not hold it; --codec x265 does"
    if video.variable_rate and spec.container.steady:
        mean = f"written at its mean, {float(video.rate):.6g} fps"
        yield f"the frame rate varies, and {plan.suffix or 'this pipe'} has one alone: {mean}"
    clock = spec.container.tick
    if video.variable_rate and clock and (video.tick / clock).denominator != 1:
        ticks = f"{float(clock * 1000):g} ms, the clock of {plan.suffix}"
        yield f"times are rounded to {ticks}; -o NAME.mov keeps them"
