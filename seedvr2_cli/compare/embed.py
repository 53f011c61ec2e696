"""Frames of two clips as small picture files, for a page that holds them itself."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

from seedvr2_cli.compare.pictures import averaged
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.info import MediaInfo
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.media.yuv import real_color

MAX_SIDE = 1920  # pixels: larger pictures are averaged over squares
MAX_BYTES = 12 << 20  # of all pictures of a page; 16 MiB as text


@dataclass(frozen=True)
class Form:
    """How pictures are stored. quality: of ffmpeg's JPEG, 1 (best) to 31; None: PNG, without loss."""

    quality: int | None

    @property
    def codec(self) -> str:
        """Its row in the table of codecs."""
        return "png" if self.quality is None else "jpeg"

    @property
    def mime(self) -> str:
        """As a data URI names it."""
        return f"image/{self.codec}"

    def __str__(self) -> str:
        return "PNG, without loss" if self.quality is None else f"JPEG, quality step {self.quality} of 31"


FORMS = (Form(None), Form(2), Form(5), Form(12), Form(31))


@dataclass(frozen=True)
class Embedded:
    """Picture files of both clips by frame number. scale: pixels of a frame's side that became one."""

    form: Form
    scale: int
    pictures: dict[int, tuple[bytes, bytes]]


class Embedder:
    """Takes pairs of frames and stores them in every form at once, in files below `folder`, so that the best
    form that fits can be chosen when the sizes are known and no frame is kept in memory."""

    def __init__(self, like: MediaInfo, count: int, folder: Path, ffmpeg: FFmpeg) -> None:
        """like: a file of the frames' size and color. count: of pairs at most."""
        video = like.video
        self._scale = -(-max(video.width, video.height) // MAX_SIDE)
        size = (-(-video.width // self._scale), -(-video.height // self._scale))
        fits = 2 * count * size[0] * size[1] * 3 <= MAX_BYTES
        self._folders = {
            form: folder / str(number) for number, form in enumerate(FORMS[: 1 if fits else None])
        }
        self._frames: list[int] = []
        with ExitStack() as owned:
            self._writers = []
            for form, place in self._folders.items():
                place.mkdir()
                writer = FrameWriter(_spec(form, place, size, like), ffmpeg)
                self._writers.append(owned.enter_context(writer))
            self._owned = owned.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._owned.close()

    def add(self, frame: int, a: Pixels, b: Pixels) -> None:
        """Store a pair of frames (H, W, 3). Raises OutputError."""
        for pixels in (a, b):
            picture = averaged(pixels, self._scale)
            for writer in self._writers:
                writer.write(picture)
        self._frames.append(frame)

    def finish(self, by_weight: Sequence[int]) -> Embedded:
        """The pictures in the best form that keeps to MAX_BYTES; where none does, the first of the frames
        `by_weight` that fit. Raises OutputError."""
        for writer in self._writers:
            writer.finish()
        forms = list(self._folders)
        form = next((form for form in forms if sum(self._sizes(form).values()) <= MAX_BYTES), forms[-1])
        kept = _first_that_fit(by_weight, self._sizes(form))
        return Embedded(form, self._scale, {frame: self._pair(form, frame) for frame in sorted(kept)})

    def _files(self, form: Form, frame: int) -> tuple[Path, Path]:
        first = 2 * self._frames.index(frame) + 1
        folder = self._folders[form]
        return folder / f"{first}.{form.codec}", folder / f"{first + 1}.{form.codec}"

    def _sizes(self, form: Form) -> dict[int, int]:
        """Bytes of each pair."""
        return {
            frame: sum(path.stat().st_size for path in self._files(form, frame)) for frame in self._frames
        }

    def _pair(self, form: Form, frame: int) -> tuple[bytes, bytes]:
        a, b = self._files(form, frame)
        return a.read_bytes(), b.read_bytes()


def _first_that_fit(by_weight: Sequence[int], sizes: dict[int, int]) -> list[int]:
    kept: list[int] = []
    left = MAX_BYTES
    for frame in by_weight:
        left -= sizes[frame]
        if left < 0:
            break
        kept.append(frame)
    return kept


def _spec(form: Form, folder: Path, size: tuple[int, int], like: MediaInfo) -> OutputSpec:
    pattern = folder / f"%d.{form.codec}"
    codec = CODECS[form.codec]
    if form.quality is not None:
        codec = replace(codec, options=("-q:v", str(form.quality), "-qmin", "1"))
    return OutputSpec(
        path=pattern,
        final=pattern,
        width=size[0],
        height=size[1],
        depth=8,
        rate=Fraction(1),
        codec=codec,
        color=real_color(like),
        sequence=True,
    )
