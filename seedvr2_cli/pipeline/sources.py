"""What a clip is read from: a media file, or a latent file. Both give pictures to a job."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seedvr2_cli.base.choices import OnError
from seedvr2_cli.base.errors import MediaError, WeightsError
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.cut import Cut
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.media.pipes import STDIN, Piped, probe_piped
from seedvr2_cli.media.probe import frame_times, probe
from seedvr2_cli.media.reader import FrameReader, Pixels, Reading
from seedvr2_cli.media.timing import DEFAULT_RATE
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.media.yuv import real_color
from seedvr2_cli.pipeline.beside import Beside
from seedvr2_cli.pipeline.frames import PixelType
from seedvr2_cli.pipeline.lanes import Ahead
from seedvr2_cli.pipeline.latents import LatentFile
from seedvr2_cli.pipeline.media_facts import media_facts, say_video
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.model import ClipModel
from seedvr2_cli.pipeline.pieces import Pieces
from seedvr2_cli.pipeline.round_trip import Job, decoded, round_trip
from seedvr2_cli.plan.segments import first_frame, segment_starts
from seedvr2_cli.plan.shots import GROUP
from seedvr2_cli.plan.slices import latent_count

WIDE = 16  # bits of the samples on the way where the source has more than 8


@dataclass(frozen=True)
class Kept:
    """The first pictures of a clip, (H, W, 3), which were made before: so many, up to where a segment begins,
    or all there are."""

    count: int
    pictures: Iterator[Pixels]
    whole: bool


class Source(Protocol):
    """A clip to be decoded.

    template: the output as the source has it; its path, codec and quality are still to be chosen. media: the
    file whose other streams can go along, None where there is none; size: (width, height) that goes through
    the model; cut: what of it is read. still: a picture.
    total: frames to come, None where not known. line: the source in words. facts: the same for the report.
    stages: what it goes through. remarks: what is to be said of it before the job. beside: the times of its
    pictures.
    """

    template: OutputSpec
    media: MediaInfo | None
    cut: Cut
    beside: Beside
    still: bool
    total: int | None
    line: str
    facts: dict[str, Any]
    stages: tuple[str, ...]
    remarks: tuple[str, ...]
    size: tuple[int, int]

    def check(self, vae: ClipModel) -> None:
        """Raise WeightsError if the source is not for this model."""

    def starts(self, length: int) -> Iterator[int]:
        """The frames at which segments of about `length` latents begin that may be kept, the first 0."""
        ...

    def pictures(
        self, job: Job, owned: ExitStack, spec: OutputSpec, kept: Kept | None = None
    ) -> Iterator[Pixels]:
        """The pictures that come out of the model, (n, H, W, 3), of spec's depth.

        What they need open goes into owned, and what goes round the model into beside. kept: these come
        first, and are not made again.
        """
        ...

    def complaints(self) -> tuple[str, ...]:
        """What was wrong with a source that could be read to its end."""
        ...


class MediaSource:
    """A video or picture file, which goes through both halves of the VAE."""

    stages: tuple[str, ...] = ("encode", "decode")
    remarks: tuple[str, ...] = ()

    def __init__(self, path: Path, ffmpeg: FFmpeg, options: InputOptions | None = None) -> None:
        options = options or InputOptions()
        self._piped = Piped() if path == STDIN else None
        if self._piped:
            self.info = probe_piped(self._piped, options.raw)
        else:
            self.info = probe(path, ffmpeg, options.rate or DEFAULT_RATE)
        self.media: MediaInfo | None = self.info
        _refuse(self.info, options)
        self.cut = resolve(options.cut, self.info)
        self.beside = Beside()
        self.options = options
        self._ffmpeg = ffmpeg
        self._reader: FrameReader | None = None
        video = self.info.video
        self.template = OutputSpec(
            path=path,
            final=path,
            width=video.width,
            height=video.height,
            depth=8 if video.depth <= 8 else WIDE,
            rate=video.rate,
            tick=video.tick if video.variable_rate else Fraction(0),
            codec=CODECS["png"],
            color=real_color(self.info),
            sar=video.sar,
            hdr=video.hdr,
        )
        self.size = (video.width, video.height)
        self.still = self.info.still
        self.total: int | None = 1 if self.still else self.cut.count(video)
        self.line = f"{path.name}: {say_video(self.info)}"
        self.facts = media_facts(self.info)

    def check(self, vae: ClipModel) -> None:
        """Any picture goes through any VAE."""

    def reader(self, *, alpha: bool = False, small: tuple[int, int] | None = None) -> FrameReader:
        """The file's frames as the job reads them: cut, made whole of fields; a file can be read again.

        small: (width, height) to scale them to, for a look at the same frames.
        """
        reading = Reading(
            cut=self.cut,
            deinterlace=bool(self.options.deinterlace),
            alpha=alpha,
            keep=self.options.on_error is OnError.KEEP,
            small=small,
        )
        return FrameReader(self.info, self._ffmpeg, reading, self._piped)

    def read(
        self, owned: ExitStack, *, alpha: bool = False, size: tuple[int, int] | None = None
    ) -> Iterator[Pixels]:
        """The file's own pictures, (H, W, 3), one at a time; what goes round the model goes into `beside`.

        size: (width, height) that they will be written in, None: their own.
        """
        self._reader = owned.enter_context(self.reader(alpha=alpha))
        frames = owned.enter_context(Ahead(self._reader))
        for frame in frames:
            self.beside.keep(frame, size)
            yield frame.pixels

    def starts(self, length: int) -> Iterator[int]:
        """See Source."""
        return map(first_frame, segment_starts(length))

    def pictures(
        self, job: Job, owned: ExitStack, spec: OutputSpec, kept: Kept | None = None
    ) -> Iterator[Pixels]:
        """Encode and decode."""
        size, kind = (self.template.width, self.template.height), pixel_type(spec.depth)
        reading = self.read(owned, alpha=spec.alpha)
        if kept is None or not kept.count:
            yield from round_trip(job, reading, size, kind)
            return
        for pixels in kept.pictures:
            if next(reading, None) is None:
                raise MediaError("the end came early in this reading", where=self.info.path)
            yield pixels[None]
        if kept.whole:
            return
        decoder = first_latent(kept.count, job.vae.reach.decode)
        encoder = max(0, decoder - job.vae.reach.encode)
        again = Ahead(owned.enter_context(self.reader()))
        early = islice((frame.pixels for frame in owned.enter_context(again)), GROUP * encoder, kept.count)
        made = round_trip(job, chain(early, reading), size, kind, skip=decoder - encoder)
        yield from Pieces(made).skip(kept.count - GROUP * decoder).take(sys.maxsize)

    def complaints(self) -> tuple[str, ...]:
        """What the decoder said about a file all of whose frames came."""
        return self._reader.complaints if self._reader else ()


class LatentSource:
    """A latent file, which goes through the decoder alone."""

    stages: tuple[str, ...] = ("decode",)
    remarks: tuple[str, ...] = ()

    def __init__(self, latents: LatentFile) -> None:
        self._latents = latents
        self.media: MediaInfo | None = None
        self.cut, self.beside = Cut(), Beside()
        info = latents.info
        self.template = OutputSpec(
            path=latents.path,
            final=latents.path,
            width=info.width,
            height=info.height,
            depth=8 if info.depth <= 8 else WIDE,
            rate=info.rate or Fraction(0),
            codec=CODECS["png"],
            tick=info.tick or Fraction(0),
            color=info.color,
            sar=info.sar,
        )
        self.beside.keep_times(stamp * info.tick for stamp in info.stamps if info.tick)
        self.size = (info.width, info.height)
        self.still = info.rate is None
        self.total: int | None = info.frames
        channels, count, height, width = latents.shape
        self.line = (
            f"{latents.path.name}: {count} latents of {width}x{height}x{channels}, {info.frames} frames"
        )
        self.facts: dict[str, Any] = {
            "path": str(latents.path),
            "kind": "latents",
            "latents": list(latents.shape),
        }

    def check(self, vae: ClipModel) -> None:
        """Raise WeightsError if the latents are of another VAE, or fewer than the frames they stand for."""
        info, (channels, count, height, width) = self._latents.info, self._latents.shape
        factor, group = vae.config.spatial_factor, vae.config.temporal_factor
        stated = (info.width + info.padding[0], info.height + info.padding[1])
        if channels != vae.config.latent_channels or stated != (width * factor, height * factor):
            what = f"{width}x{height} latents of {channels} channels for {stated[0]}x{stated[1]} pixels"
            do = "give the VAE that encoded them"
            raise WeightsError(f"{what} are not of this VAE", where=self._latents.path, do=do)
        if count != (info.film.latents if info.film else latent_count(info.frames, group)):
            what = f"{count} latents for {info.frames} frames"
            raise WeightsError(what, where=self._latents.path, do="encode it again")

    @property
    def path(self) -> Path:
        """Of the latents."""
        return self._latents.path

    def starts(self, length: int) -> Iterator[int]:
        """See Source."""
        return map(first_frame, segment_starts(length))

    def pictures(
        self, job: Job, owned: ExitStack, spec: OutputSpec, kept: Kept | None = None
    ) -> Iterator[Pixels]:
        """Decode; frames beyond the clip's end were repeated ones."""
        size, count = (self.template.width, self.template.height), kept.count if kept else 0
        if kept:
            yield from (pixels[None] for pixels in kept.pictures)
        early = first_latent(count, job.vae.reach.decode)
        made = Pieces(decoded(job, self._latents.pieces(early), size, pixel_type(spec.depth)))
        yield from made.skip(count - GROUP * early).take(self._latents.info.frames - count)

    def complaints(self) -> tuple[str, ...]:
        """Nothing: latents are whole or not at all."""
        return ()


def first_latent(count: int, reach: int) -> int:
    """The latent to begin with for the frames from `count` on, of a clip whose latents look so far back."""
    return max(0, latent_count(count, GROUP) - reach)


def resolve(cut: Cut, info: MediaInfo) -> Cut:
    """The same cut with its end as a time, so that sound can end there too; of a picture nothing is cut."""
    video = info.video
    if info.still:
        return Cut()
    if cut.frames is None or (info.piped and video.variable_rate):  # a pipe's times are not known ahead
        return cut
    if video.variable_rate:
        times = [time for time in frame_times(info) if time >= cut.start]
        end = times[cut.frames] if len(times) > cut.frames else None
    else:
        end = cut.first(video) + cut.frames / video.rate
    return replace(cut, end=min((time for time in (cut.end, end) if time is not None), default=None))


def _refuse(info: MediaInfo, options: InputOptions) -> None:
    """Raise MediaError now for what the reader would say after hours perhaps, and for fields."""
    if info.missing_bytes and options.on_error is OnError.STOP:
        what = f"the file is cut off: {info.missing_bytes:,} bytes are missing"
        raise MediaError(what, where=info.path, do="get it again, or take what is left with --on-error keep")
    if info.video.interlaced and options.deinterlace is None:
        do = "give --deinterlace, or --no-deinterlace to leave the lines as they are"
        raise MediaError("is interlaced: each frame holds two fields", where=info.path, do=do)


def pixel_type(depth: int) -> PixelType:
    """The type of samples of 8 or 16 bits."""
    return np.uint8 if depth <= 8 else np.uint16
