"""One shot through encoder, transformer, decoder and color, each stage after the one before it.

Latents between stages are the VAE's own, unscaled, channels last: (t, h, w, C) float32.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.base.events import Progress, Reporter
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.frames import PixelType, to_pixels
from seedvr2_cli.pipeline.joins import joined
from seedvr2_cli.pipeline.round_trip import Job
from seedvr2_cli.pipeline.upscaling.transformer import Restorer
from seedvr2_cli.plan.noise import window_noise
from seedvr2_cli.plan.padding import Padding
from seedvr2_cli.plan.shots import GROUP, Shot, filled_indices
from seedvr2_cli.plan.slices import padded_count
from seedvr2_cli.plan.windows import TimePlan, Unit, frames_of
from seedvr2_cli.prepare.pad import crop
from seedvr2_cli.prepare.prepare import prepare


@dataclass(frozen=True)
class Film:
    """A film for the two halves of the VAE: its shots, and how its pictures are padded."""

    job: Job
    shots: tuple[Shot, ...]
    padding: Padding
    reporter: Reporter

    @property
    def frames(self) -> int:
        """Of the whole film."""
        return self.shots[-1].stop


@dataclass(frozen=True)
class Restoration:
    """A film for the transformer: its windows, and the seed of the noise. factor: from the VAE's latents to
    those of the transformer."""

    restorer: Restorer
    times: TimePlan
    seed: int
    factor: float
    clock: StageClock
    reporter: Reporter


def prepared(film: Film, pictures: Iterable[Pixels]) -> Iterator[Tensor]:
    """Each picture as the model takes it, (1, 3, H', W')."""
    for picture in film.job.clock.over("read", pictures):
        with film.job.clock.stage("prepare"):
            frame = prepare([picture], film.padding, film.job.device)
        yield frame


def encoded(film: Film, shot: Shot, frames: Iterator[Tensor], start: int = 0) -> Iterator[Tensor]:
    """The latents of a shot, whose frames are taken from `frames`; its end is filled up.

    start: begin at this latent, and with `frames` at its last frame, GROUP * start; the next few latents are
    then other than in the whole shot (`vae.reach`).
    """
    clock = film.job.clock
    pieces = (frame.transpose(0, 1)[None] for frame in _filled(shot, frames, GROUP * start))
    latents, length = start, padded_count(shot.frames, GROUP) - GROUP * start
    for posterior in clock.over("encode", film.job.encode(pieces, length)):
        latents += posterior.mean.shape[2]
        done = min(shot.frames, frames_of(latents))
        clock.count("encode", shot.first + done)
        film.reporter.emit(Progress("Encode", shot.first + done, film.frames))
        yield posterior.mean[0].permute(1, 2, 3, 0)


def restored(
    work: Restoration, shot: Shot, result: Callable[[Unit], Tensor], units: Sequence[Unit] | None = None
) -> Iterator[Tensor]:
    """The restored latents of a shot: its windows, joined. result: gives that of one, as `transformed`.

    units: neighbours among its windows, where not all are asked for; what others change is not to be used.
    """
    units = work.times.units_of(shot) if units is None else units
    windows = [unit.window for unit in units]
    yield from work.clock.over("transform", joined(windows, map(result, units)))
    work.clock.count("transform", shot.stop)


def transformed(work: Restoration, read: Callable[[int, int], Tensor], unit: Unit) -> Tensor:
    """What the transformer makes of a window, (t, h, w, C). read: gives its shot's latents start..stop."""
    condition = read(unit.window.start, unit.window.stop) * work.factor
    _, height, width, _ = condition.shape
    with work.clock.stage("noise"):
        noise = torch.from_numpy(window_noise(work.seed, unit.shot, unit.window, (height, width)))
    each, times = work.restorer.parts, work.times
    bar = _Bar(work.reporter, times.places[unit.key] * each, len(times.units) * each)
    return work.restorer.restore(noise, condition, bar.step) / work.factor


def decoded(film: Film, shot: Shot, latents: Iterable[Tensor], start: int = 0) -> Iterator[Tensor]:
    """The frames of a shot, (n, 3, H, W), without their padding and without what filled up the end.

    start: `latents` begin at this one, and the frames at GROUP * start, as for `encoded`.
    """
    clock, left = film.job.clock, shot.frames - GROUP * start
    pieces = (piece.permute(3, 0, 1, 2)[None].to(film.job.device) for piece in latents)
    for frames in clock.over("decode", film.job.decode(pieces, shot.latents - start)):
        shown = crop(frames[0].transpose(0, 1), film.padding)[:left]
        left -= len(shown)
        clock.count("decode", shot.stop - left)
        if len(shown):
            yield shown


def finished(
    film: Film,
    frames: Iterator[Tensor],
    references: Iterator[Tensor] | None,
    corrector: Corrector | None,
    dtype: PixelType,
) -> Iterator[Pixels]:
    """Decoded frames of a shot as pictures (n, H, W, 3), in the color of the input's.

    references: the prepared input, (1, 3, H', W') each, of which as many are taken as there are frames; None
    where it is not to be had. corrector: None leaves the frames as they are.
    """
    clock = film.job.clock

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        for piece in frames:
            yield piece, _taken(film, references, piece)

    colored = corrector.stream(pairs()) if corrector else (piece for piece, _ in pairs())
    for pictures in clock.over("color", colored):
        with clock.stage("convert"):
            shown = to_pixels(pictures.transpose(0, 1)[None], film.padding.size, dtype)
        yield shown


def _taken(film: Film, references: Iterator[Tensor] | None, piece: Tensor) -> Tensor:
    """The next references, as many as there are frames in a piece, (n, 3, H, W); the piece where there are
    none."""
    if references is None:
        return piece
    taken = torch.empty_like(piece, memory_format=torch.contiguous_format)
    for place in taken:
        reference = next(references, None)
        if reference is None:
            raise _shorter("the end came early in the second reading")
        place.copy_(crop(reference, film.padding)[0])
    return taken


def _filled(shot: Shot, frames: Iterator[Tensor], first: int) -> Iterator[Tensor]:
    """A shot's frames from `first` on, then those that fill it up to 4 n + 1; the last four are all that can
    stand there."""
    last: deque[Tensor] = deque(maxlen=GROUP)
    count = first
    for frame in islice(frames, shot.frames - first):
        count += 1
        last.append(frame)
        yield frame
    if count < shot.frames:
        raise _shorter(f"{shot.first + count} frames, {shot.stop} and more in the first reading")
    for index in filled_indices(shot.frames)[shot.frames :]:
        yield last[index - shot.frames]


def _shorter(what: str) -> MediaError:
    return MediaError(what, do="leave the file alone while it is read, and run it again")


class _Bar:
    """Counts the transformer's blocks over the whole film."""

    def __init__(self, reporter: Reporter, done: int, total: int) -> None:
        self._reporter, self._done, self._total = reporter, done, total

    def step(self) -> None:
        self._done += 1
        self._reporter.emit(Progress("Transformer", self._done, self._total, unit="blocks"))
