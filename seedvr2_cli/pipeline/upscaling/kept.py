"""A film whose finished units are kept on disk: what is there is not done again, whatever ended the run.

A unit is the encoded latents of a shot, the restored latents of a window, or the finished frames of a shot,
which are kept losslessly; what a finished shot was made of is removed. The output is written as frames are
made, those that are kept first: the same frames, and so the same file, whether the run was stopped or not.
"""

import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import MediaError, OutputError
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.ledger.work_folder import WorkFolder
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Pixels
from seedvr2_cli.media.timing import DEFAULT_RATE
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.pipeline.lanes import Ahead
from seedvr2_cli.pipeline.sources import MediaSource, pixel_type
from seedvr2_cli.pipeline.upscaling.film import Pace
from seedvr2_cli.pipeline.upscaling.keys import frames_key, latents_key
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
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.plan.windows import Unit

LATENTS, FRAMES = ".f32", ".mkv"


@dataclass(frozen=True)
class KeptFilm:
    """What is worked on, and where it is kept. spec: of the output, whose depth the kept frames have."""

    film: Film
    restoration: Restoration
    source: MediaSource
    spec: OutputSpec
    corrector: Corrector
    ffmpeg: FFmpeg
    work: WorkFolder

    def count_done(self) -> tuple[int, int]:
        """Shots and windows that are finished."""
        shots, windows = self.restoration.times.done(lambda key: self.work.find(key) is not None, frames_key)
        return len(shots), windows

    def pictures(self, owned: ExitStack) -> Iterator[Pixels]:
        """All pictures, (n, H, W, 3): those that are kept, and those that are made and kept now."""
        ahead = _Reading(self.source, owned)
        beside = self.source.read(owned, alpha=self.spec.alpha, size=self.film.padding.size)
        missing = {shot.first for shot in self.film.shots if self.work.find(frames_key(shot)) is None}
        last = max(missing, default=None)
        pace = Pace(self.film.shots, self.film.reporter)
        for shot in self.film.shots:
            if shot.first in missing:
                references = prepared(self.film, islice(beside, shot.frames))
                yield from self._made(shot, ahead, references, last=shot.first == last)
                pace.say(shot)
            else:
                for pixels in self._kept_frames(shot):
                    if next(beside, None) is None:
                        raise MediaError("the end came early in this reading", where=self.source.info.path)
                    yield pixels[None]

    def _made(
        self, shot: Shot, ahead: "_Reading", references: Iterator[Tensor], *, last: bool
    ) -> Iterator[Pixels]:
        """A shot's pictures, kept as they pass. last: no shot after this one is encoded."""
        units = self.restoration.times.units_of(shot)
        unrestored = any(self.work.find(unit.key) is None for unit in units)
        if unrestored and self.work.find(latents_key(shot)) is None:
            self._keep(latents_key(shot), encoded(self.film, shot, prepared(self.film, ahead.of(shot))))
        if last:
            self.film.job.vae.drop_encoder()
        with self.film.job.clock.stage("transform"):
            for unit in units:
                self._make_window(unit)
        frames = decoded(self.film, shot, restored(self.restoration, shot, self._window))
        kind = pixel_type(self.spec.depth)
        yield from self._keep_frames(shot, finished(self.film, frames, references, self.corrector, kind))
        for key in (latents_key(shot), *(unit.key for unit in units)):
            self.work.forget(key)

    def _make_window(self, unit: Unit) -> None:
        """Restore a window, unless its result is kept."""
        if self.work.find(unit.key) is None:
            latents = self._mapped(latents_key(unit.shot))

            def read(start: int, stop: int) -> Tensor:
                return torch.from_numpy(np.array(latents[start:stop]))

            self._keep(unit.key, iter([transformed(self.restoration, read, unit)]))

    def _window(self, unit: Unit) -> Tensor:
        """The result of a window, which is kept."""
        return torch.from_numpy(np.array(self._mapped(unit.key)))

    def _keep(self, key: str, pieces: Iterator[Tensor]) -> None:
        """Keep latents (t, h, w, C), float32, as they come."""
        note: dict[str, list[int]] = {}
        with self.work.unit(key, LATENTS, note) as path, path.open("wb") as file:
            count = 0
            for piece in pieces:
                values = piece.float().cpu().contiguous().numpy().astype("<f4", copy=False)
                count += len(values)
                note["shape"] = [count, *values.shape[1:]]
                file.write(values.data)

    def _mapped(self, key: str) -> np.ndarray:
        path = self.work.find(key)
        if path is None:
            raise OutputError(f"{key} is damaged", where=self.work.folder, do="run the same command again")
        return np.memmap(path, "<f4", "r", shape=tuple(self.work.note(key)["shape"]))

    def _keep_frames(self, shot: Shot, batches: Iterator[Pixels]) -> Iterator[Pixels]:
        """The same batches; when the last has passed, the shot's frames are kept, with the CRC-32 of each."""
        note: dict[str, list[int]] = {"crc32": []}
        with self.work.unit(frames_key(shot), FRAMES, note) as path:
            width, height = self.film.padding.size
            spec = replace(
                self.spec,
                path=path,
                final=path,
                width=width,
                height=height,
                codec=CODECS[Codec.FFV1],
                alpha=False,
                carry=None,
                rate=self.spec.rate or DEFAULT_RATE,
                tick=Fraction(0),
                preset="",
                encoder_arguments=(),
                wanted_format="",
                sequence=False,
            )
            with FrameWriter(spec, self.ffmpeg) as writer:
                for batch in batches:
                    for pixels in batch:
                        note["crc32"].append(_crc32(pixels))
                        writer.write(pixels, None)
                    yield batch
                with self.film.job.clock.stage("keep"):
                    writer.finish()

    def _kept_frames(self, shot: Shot) -> Iterator[Pixels]:
        key = frames_key(shot)
        path = self.work.find(key)
        wanted = self.work.note(key).get("crc32", [])
        if path is None:
            raise OutputError(f"{key} is damaged", where=self.work.folder, do="run the same command again")
        other = "gives other frames than were kept, though its bytes are the same"
        damaged = OutputError(f"{key} {other}", where=self.work.folder, do="give --restart to begin again")
        count = 0
        with FrameReader(probe(path, self.ffmpeg), self.ffmpeg) as reader:
            for count, frame in enumerate(reader, start=1):
                if count > len(wanted) or _crc32(frame.pixels) != wanted[count - 1]:
                    raise damaged
                yield frame.pixels
        if count != shot.frames:
            raise damaged


class _Reading:
    """The source's pictures, shot by shot; begun when the first is asked for, and read over what is not."""

    def __init__(self, source: MediaSource, owned: ExitStack) -> None:
        self._source, self._owned = source, owned
        self._pictures: Iterator[Pixels] | None = None
        self._at = 0

    def of(self, shot: Shot) -> Iterator[Pixels]:
        """The pictures of a shot that lies behind all that were asked for before."""
        if self._pictures is None:
            frames = self._owned.enter_context(Ahead(self._owned.enter_context(self._source.reader())))
            self._pictures = (frame.pixels for frame in frames)
        deque(islice(self._pictures, shot.first - self._at), maxlen=0)
        self._at = shot.stop
        return islice(self._pictures, shot.frames)


def _crc32(pixels: Pixels) -> int:
    return zlib.crc32(np.ascontiguousarray(pixels).data)
