"""A film whose finished units are kept on disk: what is there is not done again, whatever ended the run.

A unit is a segment of a shot as encoded latents, the restored latents of a window, or a segment of a shot as
finished frames, kept losslessly; when all of a shot's frames are kept, what they were made of is removed.
Most shots are one segment; a later one of a long shot is begun some latents early (`vae.reach`), and comes
to the same bits. The output is written as frames are made, those that are kept first: the same frames, and so
the same file, whether the run was stopped or not.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol

import torch
from torch import Tensor

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.ledger.work_folder import WorkFolder
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.pipeline.keeping.frames import FrameStore, crc32_of
from seedvr2_cli.pipeline.keeping.latents import LatentStore
from seedvr2_cli.pipeline.lanes import Ahead
from seedvr2_cli.pipeline.pieces import Pieces
from seedvr2_cli.pipeline.sources import MediaSource, pixel_type
from seedvr2_cli.pipeline.upscaling.film import Pace
from seedvr2_cli.pipeline.upscaling.keys import frames_key, latents_key
from seedvr2_cli.pipeline.upscaling.progress import Done, count_done
from seedvr2_cli.pipeline.upscaling.stages import (
    Film,
    Restoration,
    decoded,
    encoded,
    finished,
    prepared,
    restored,
    transformed,
)
from seedvr2_cli.plan.segments import Segment, segments_of
from seedvr2_cli.plan.shots import GROUP, Shot
from seedvr2_cli.plan.windows import Unit
from seedvr2_cli.vae.reach import Reach


class Reading(Protocol):
    """A source's pictures."""

    def since(self, first: int) -> Iterator[Pixels]:
        """The pictures from `first` on."""
        ...


class Others(Protocol):
    """Who makes the shots of a film, where this process does not."""

    def begin(self, film: "KeptFilm", missing: Sequence[Shot]) -> None:
        """Make these shots, and keep their frames."""

    def await_shot(self, shot: Shot, seen: list[int]) -> None:
        """Return when a shot's frames are kept. seen: the CRC-32 of each of its pictures as the source was
        read here; a shot that was made of other pictures is made again."""


@dataclass(frozen=True)
class KeptFilm:
    """What is worked on, and where it is kept. length: of a segment, in latents; stop: asked at the end of
    every unit; others: who makes shots, None: this process."""

    film: Film
    restoration: Restoration
    source: MediaSource
    corrector: Corrector
    work: WorkFolder
    store: FrameStore
    length: int
    stop: Stop
    others: Others | None = None

    @property
    def latents(self) -> LatentStore:
        """What was encoded, and what was restored."""
        return LatentStore(self.work)

    @property
    def reach(self) -> Reach:
        """How much earlier a segment is begun."""
        return self.film.job.vae.reach

    def count_done(self) -> Done:
        """What is finished."""
        return count_done(self.restoration.times, self.length, self.store.has)

    def pictures(self, owned: ExitStack, until: int | None = None) -> Iterator[Pixels]:
        """All pictures, (n, H, W, 3): those that are kept, and those that are made and kept now.

        until: they end with the segment in which the frame before this one stands.
        """
        ahead = _InOrder(self.source, owned)
        beside = self.source.read(owned, alpha=self.store.spec.alpha, size=self.film.padding.size)
        parts = {shot: self._parts(shot, until) for shot in self.film.shots}
        missing = [shot for shot in self.film.shots if not all(map(self._is_kept, parts[shot]))]
        pace = Pace(self.film.shots, self.film.reporter)
        if self.others:
            self.others.begin(self, missing)
        for shot in self.film.shots:
            if self.others:
                yield from self._frames_of(self.others, shot, beside)
                continue
            if shot in missing:
                self._restore(shot, parts[shot], ahead)
                if shot == missing[-1] and until is None:
                    self.film.job.vae.drop_encoder()
            yield from self._frames(shot, parts[shot], beside)
            if shot in missing:
                pace.say(shot)

    def made(self, shot: Shot, ahead: Reading, beside: Iterator[Pixels]) -> Iterator[Pixels]:
        """One shot's pictures, kept as they pass. ahead, beside: two readings of it."""
        parts = segments_of(shot, self.length)
        self._restore(shot, parts, ahead)
        yield from self._frames(shot, parts, beside)

    def _frames_of(self, others: Others, shot: Shot, beside: Iterator[Pixels]) -> Iterator[Pixels]:
        """A shot's pictures, which others keep."""
        seen = [crc32_of(pixels) for pixels in islice(beside, shot.frames)]
        if len(seen) < shot.frames:
            raise MediaError("the end came early in this reading", where=self.source.info.path)
        others.await_shot(shot, seen)
        for part in segments_of(shot, self.length):
            for pixels in self.store.read(frames_key(part.frames)):
                yield pixels[None]

    def _parts(self, shot: Shot, until: int | None) -> list[Segment]:
        """The segments of a shot that are wanted."""
        parts = segments_of(shot, self.length)
        return [part for part in parts if until is None or part.frames.first < until]

    def _is_kept(self, part: Segment) -> bool:
        return self.store.has(frames_key(part.frames))

    def _restore(self, shot: Shot, parts: Sequence[Segment], ahead: Reading) -> None:
        """See that all windows are there that the missing segments of a shot's frames are made of."""
        wanted = [part for part in parts if not self._is_kept(part)]
        units = self._units(shot, self._early(wanted[0]), wanted[-1].stop)
        missing = [unit for unit in units if not self.latents.has(unit.key)]
        if missing:
            self._encode(shot, missing[0].window.start, missing[-1].window.stop, ahead)
        with self.film.job.clock.stage("transform"):
            for unit in missing:
                read = partial(self._encoded, shot)
                self.latents.keep(unit.key, [transformed(self.restoration, read, unit)])
                self.stop.unit_ends()

    def _early(self, part: Segment) -> int:
        """The latent with which the decoder begins, for a segment's frames."""
        return max(0, part.start - self.reach.decode)

    def _units(self, shot: Shot, start: int, stop: int) -> tuple[Unit, ...]:
        """The windows that have part in the latents start..stop of a shot."""
        units = self.restoration.times.units_of(shot)
        return tuple(unit for unit in units if unit.window.start < stop and unit.window.stop > start)

    def _encode(self, shot: Shot, start: int, stop: int, ahead: Reading) -> None:
        """See that the shot's latents start..stop are there."""
        stream: Pieces[Tensor] | None = None
        for part in segments_of(shot, self.length):
            key = latents_key(part.frames)
            if part.start >= stop or part.stop <= start or self.latents.has(key):
                stream = None
                continue
            if stream is None:
                early = max(0, part.start - self.reach.encode)
                pictures = ahead.since(shot.first + GROUP * early)
                made = encoded(self.film, shot, prepared(self.film, pictures), early)
                stream = Pieces(made).skip(part.start - early)
            self.latents.keep(key, stream.take(part.latents))
            if part.stop == shot.latents:
                stream.skip(1)  # there is none: the encoder comes to its end, and gives up what it holds
            self.stop.unit_ends()

    def _encoded(self, shot: Shot, start: int, stop: int) -> Tensor:
        """The latents start..stop of a shot, which are kept."""
        parts = [part for part in segments_of(shot, self.length) if part.start < stop and part.stop > start]
        return torch.cat(
            [
                self.latents.read(latents_key(part.frames), max(0, start - part.start), stop - part.start)
                for part in parts
            ]
        )

    def _frames(self, shot: Shot, parts: Sequence[Segment], beside: Iterator[Pixels]) -> Iterator[Pixels]:
        """A shot's pictures, segment by segment; what is made is kept as it passes."""
        stream: Pieces[Tensor] | None = None
        for part in parts:
            key, span = frames_key(part.frames), part.frames
            if self.store.has(key):
                stream = None
                for pixels in self.store.read(key):
                    if next(beside, None) is None:
                        raise MediaError("the end came early in this reading", where=self.source.info.path)
                    yield pixels[None]
                continue
            self.store.check_room(span.frames)
            if stream is None:
                stream = self._decoder(shot, part, parts[-1].stop)
            references = prepared(self.film, islice(beside, span.frames))
            kind = pixel_type(self.store.spec.depth)
            made = finished(self.film, stream.take(span.frames), references, self.corrector, kind)
            yield from self.store.keep(key, made)
            self.stop.unit_ends()
        if parts and parts[-1].stop == shot.latents:
            self._forget(shot)

    def _decoder(self, shot: Shot, part: Segment, stop: int) -> Pieces[Tensor]:
        """A shot's frames from a segment on, as far as the latents up to `stop` go."""
        early = self._early(part)
        units = self._units(shot, early, stop)
        joined = restored(self.restoration, shot, lambda unit: self.latents.read(unit.key), units)
        latents = Pieces(joined).skip(early - units[0].window.start)
        made = decoded(self.film, shot, latents.take(stop - early), early)
        return Pieces(made).skip(part.frames.first - shot.first - GROUP * early)

    def _forget(self, shot: Shot) -> None:
        """A shot's frames are kept: nothing that they were made of is needed."""
        units = self.restoration.times.units_of(shot)
        made_of = [latents_key(part.frames) for part in segments_of(shot, self.length)]
        for key in (*made_of, *(unit.key for unit in units)):
            self.work.forget(key)


class _InOrder:
    """The source's pictures from any place on; begun when the first is asked for, read over what is not."""

    def __init__(self, source: MediaSource, owned: ExitStack) -> None:
        self._source, self._owned = source, owned
        self._pictures: Iterator[Pixels] | None = None
        self._at = 0

    def since(self, first: int) -> Iterator[Pixels]:
        """The pictures from `first` on, which lies behind all that have been taken."""
        if self._pictures is None:
            frames = self._owned.enter_context(Ahead(self._owned.enter_context(self._source.reader())))
            self._pictures = self._counted(frame.pixels for frame in frames)
        deque(islice(self._pictures, first - self._at), maxlen=0)
        return self._pictures

    def _counted(self, pictures: Iterator[Pixels]) -> Iterator[Pixels]:
        for picture in pictures:
            self._at += 1
            yield picture
