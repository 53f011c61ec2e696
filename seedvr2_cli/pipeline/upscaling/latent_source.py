"""Latents made for upscaling as a source for `decode`: shot by shot, with the color of their source."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path

from seedvr2_cli.base.errors import SeedVR2Error, WeightsError
from seedvr2_cli.base.events import Silent
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.pipeline.fingerprint import is_same
from seedvr2_cli.pipeline.latents import LatentFile
from seedvr2_cli.pipeline.model import ClipModel
from seedvr2_cli.pipeline.pieces import Pieces
from seedvr2_cli.pipeline.round_trip import Job
from seedvr2_cli.pipeline.sources import Kept, LatentSource, MediaSource, first_latent, pixel_type
from seedvr2_cli.pipeline.upscaling.film_info import FilmInfo
from seedvr2_cli.pipeline.upscaling.stages import Film, decoded, finished, prepared
from seedvr2_cli.plan.padding import padding_of
from seedvr2_cli.plan.segments import segments_of
from seedvr2_cli.plan.shots import GROUP


class FilmSource(LatentSource):
    """A latent file that knows its shots. Where its source is found unchanged, it is read again: for the
    color of restored frames, and for times, sound and all else that goes along."""

    def __init__(self, latents: LatentFile, film: FilmInfo, ffmpeg: FFmpeg) -> None:
        super().__init__(latents)
        self._film = film
        info = latents.info
        self._padding = padding_of((info.width, info.height), film.pad)
        self.size = self._padding.padded
        self._origin = _find_origin(latents, film, ffmpeg)
        origin = self._origin
        if origin is None:
            missing = f"{info.source.get('name')} is not where it was, or not as it was"
            color = "color is off, and " if film.restored else ""
            self.remarks = (f"{missing}: {color}nothing of it goes along",)
            return
        own = latents.path
        self.template = replace(origin.template, path=own, final=own, width=info.width, height=info.height)
        self.media, self.cut, self.beside = origin.media, origin.cut, origin.beside

    def check(self, vae: ClipModel) -> None:
        """As of any latents; and that their padding is what the rule gives."""
        super().check(vae)
        info, padded = self._latents.info, self._padding.padded
        stated = (info.width + info.padding[0], info.height + info.padding[1])
        if stated != padded:
            what = f"padded to {stated[0]}x{stated[1]}, where {self._film.pad} gives {padded[0]}x{padded[1]}"
            raise WeightsError(what, where=self._latents.path, do="encode it again")

    def starts(self, length: int) -> Iterator[int]:
        """Segments do not reach over cuts."""
        parts = chain.from_iterable(segments_of(shot, length) for shot in self._film.shots)
        return (part.frames.first for part in parts)

    def pictures(
        self, job: Job, owned: ExitStack, spec: OutputSpec, kept: Kept | None = None
    ) -> Iterator[Pixels]:
        """Decode each shot by itself, and give restored ones the source's color."""
        film, count = Film(job, self._film.shots, self._padding, Silent()), kept.count if kept else 0
        reading: Iterator[Pixels] = iter(())
        references, corrector = None, None
        if self._origin is not None:
            reading = self._origin.read(owned, alpha=spec.alpha, size=self._padding.size)
            references = prepared(film, reading)
            if self._film.restored:
                scale = self._padding.size[0] / self._origin.template.width
                corrector = Corrector(method=self._film.color, strength=self._film.strength, scale=scale)
        for pixels in kept.pictures if kept else ():
            next(reading, None)
            yield pixels[None]
        for shot in film.shots:
            if shot.stop <= count:
                continue
            begin, first = max(0, count - shot.first), self._film.first_latent(shot)
            early = first_latent(begin, job.vae.reach.decode)
            pieces = (self._latents.read(first + k, first + k + 1) for k in range(early, shot.latents))
            made = Pieces(decoded(film, shot, pieces, early)).skip(begin - GROUP * early)
            frames = made.take(shot.frames - begin)
            yield from finished(film, frames, references, corrector, pixel_type(spec.depth))

    def complaints(self) -> tuple[str, ...]:
        """What the decoder said about the source."""
        return self._origin.complaints() if self._origin else ()


def _find_origin(latents: LatentFile, film: FilmInfo, ffmpeg: FFmpeg) -> MediaSource | None:
    """The source, where it was or beside the latents; None where nothing there has its content."""
    known = latents.info.source
    for place in (Path(film.path), latents.path.with_name(Path(str(known.get("name"))).name)):
        try:
            if not place.is_dir() and place.stat().st_size != known.get("bytes"):
                continue
            origin = MediaSource(place, ffmpeg, film.reading)
            if is_same(origin.info, known):
                return origin
        except (OSError, SeedVR2Error):  # not the source, whatever it is
            continue
    return None
