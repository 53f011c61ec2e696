"""A whole film, shot by shot: through all stages, read twice."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from torch import Tensor

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_seconds
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.pipeline.lanes import Ahead
from seedvr2_cli.pipeline.shelf import Shelf
from seedvr2_cli.pipeline.sources import MediaSource, pixel_type
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

PACE_S = 30.0  # between two lines that say how long it will take


def upscaled(
    film: Film,
    restoration: Restoration,
    source: MediaSource,
    owned: ExitStack,
    spec: OutputSpec,
    corrector: Corrector,
) -> Iterator[Pixels]:
    """The restored pictures of a source, (n, H, W, 3), of spec's depth.

    It is read twice at once: a shot ahead for the encoder, and for the color of what is written. Latents lie
    on disk between the stages, beside the output.
    """
    folder = Path(tempfile.gettempdir()) if spec.final == STDOUT else spec.final.parent
    frames = first_reading(film, source, owned)
    references = second_reading(film, source, owned, spec)
    pace = Pace(film.shots, film.reporter)
    for shot in film.shots:
        with Shelf(folder) as latents, Shelf(folder) as results:
            for piece in encoded(film, shot, frames):
                latents.append(piece)
            if shot == film.shots[-1]:
                film.job.vae.drop_encoder()
            for piece in restored(restoration, shot, partial(transformed, restoration, latents.read)):
                results.append(piece)
            pieces = (results.read(k, k + 1) for k in range(len(results)))
            made = decoded(film, shot, pieces)
            yield from finished(film, made, references, corrector, pixel_type(spec.depth))
        pace.say(shot)


def first_reading(film: Film, source: MediaSource, owned: ExitStack) -> Iterator[Tensor]:
    """A source's frames as the model takes them, (1, 3, H', W'); what they need open goes into owned."""
    frames = owned.enter_context(Ahead(owned.enter_context(source.reader())))
    return prepared(film, (frame.pixels for frame in frames))


def second_reading(film: Film, source: MediaSource, owned: ExitStack, spec: OutputSpec) -> Iterator[Tensor]:
    """The same frames for the color of the output; what goes round the model goes into source.beside."""
    return prepared(film, source.read(owned, alpha=spec.alpha, size=film.padding.size))


class Pace:
    """Says now and then how long the rest will take at the pace of what is done."""

    def __init__(self, shots: tuple[Shot, ...], reporter: Reporter) -> None:
        self._shots, self._reporter = shots, reporter
        self._began = self._said = time.monotonic()

    def say(self, shot: Shot) -> None:
        """A shot is done."""
        now, frames = time.monotonic(), self._shots[-1].stop
        if shot.stop == frames or now - self._said < PACE_S:
            return
        self._said = now
        left = (now - self._began) / shot.stop * (frames - shot.stop)
        place = f"shot {self._shots.index(shot) + 1} of {len(self._shots)}"
        text = f"{place} is done, {shot.stop} of {frames} frames; about {say_seconds(left)} left"
        self._reporter.emit(Line("Time", text))
