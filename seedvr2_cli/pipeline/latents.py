"""A latent file: the posterior's mean of a whole clip, and all that is needed to decode it later."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.base.errors import UsageError, WeightsError
from seedvr2_cli.base.units import parse_rate, say_rate
from seedvr2_cli.media.info import Color
from seedvr2_cli.pipeline.shelf import Shelf
from seedvr2_cli.pipeline.upscaling.film_info import FilmInfo
from seedvr2_cli.weights.identify import LATENTS_KEY, FileKind, identify
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.write import TensorPlan, write_safetensors_parts

VERSION = 1
MAX_SIDE = 1 << 16
MAX_FRAMES = 1 << 31
_TYPES: dict[str, type[np.floating[Any]]] = {
    "F32": np.float32,
    "F16": np.float16,
}  # little endian, as all hosts of torch


@dataclass(frozen=True, kw_only=True)
class LatentInfo:
    """What stands beside the latents. width, height: pixels of the picture before padding (at its right and
    bottom).

    rate: frames per second, None for a still; where it varies the mean, with each frame's stamp in ticks
    (seconds) after the first. depth: bits per color sample of the source. source: its name, size in bytes
    and sha256. film: what upscaling needs, None where the latents are for decoding alone.
    """

    scaling_factor: float
    source: dict[str, Any]
    frames: int
    width: int
    height: int
    padding: tuple[int, int]
    rate: Fraction | None
    depth: int
    sar: Fraction
    color: Color
    tick: Fraction | None = None
    stamps: tuple[int, ...] = ()
    film: FilmInfo | None = None

    def to_json(self) -> str:
        """The text that the file carries."""
        color = self.color
        values = {
            "version": VERSION,
            "scaling_factor": self.scaling_factor,
            "scaled": False,
            "source": self.source,
            "frames": self.frames,
            "width": self.width,
            "height": self.height,
            "padding": list(self.padding),
            "rate": say_rate(self.rate) if self.rate else None,
            "depth": self.depth,
            "sar": say_rate(self.sar),
            "color": [color.matrix, color.primaries, color.transfer, color.full_range],
        }
        if self.tick:
            values |= {"tick": say_rate(self.tick), "stamps": list(self.stamps)}
        if self.film:
            values["upscale"] = self.film.to_json()
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str, *, where: object) -> Self:
        """Raises WeightsError, naming `where`, for what no latent file of ours holds."""
        try:
            values = json.loads(text)
            if values["version"] != VERSION:
                raise WeightsError(f"latent format {values['version']!r}", where=where, do="encode it again")
            tick, stamps = _times(values)
            frames = _whole(values["frames"], MAX_FRAMES)
            return cls(
                scaling_factor=float(values["scaling_factor"]),
                source=dict(values["source"]),
                frames=frames,
                width=_whole(values["width"], MAX_SIDE),
                height=_whole(values["height"], MAX_SIDE),
                padding=(int(values["padding"][0]), int(values["padding"][1])),
                rate=parse_rate(values["rate"]) if values["rate"] else None,
                depth=_whole(values["depth"], 32),
                sar=parse_rate(values["sar"]),
                color=_color(values["color"]),
                tick=tick,
                stamps=stamps,
                film=FilmInfo.from_json(values["upscale"], frames) if "upscale" in values else None,
            )
        except (ValueError, KeyError, TypeError, IndexError, RecursionError, UsageError) as error:
            raise WeightsError(f"its {LATENTS_KEY} is damaged", where=where, do="encode it again") from error


class LatentSpool:
    """Latents as they come, on a shelf, then the file in its final order. half: keep them in float16."""

    def __init__(self, folder: Path, *, half: bool) -> None:
        self._planes = Shelf(folder, half=half)
        self._shape: tuple[int, int, int] | None = None  # (C, h, w)
        self._type = "F16" if half else "F32"
        self.count = 0

    def __enter__(self) -> Self:
        self._planes.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._planes.__exit__(*raised)

    def append(self, mean: Tensor) -> None:
        """Keep (1, C, t, h, w)."""
        _, channels, count, height, width = mean.shape
        self._shape = (channels, height, width)
        self.count += count
        self._planes.append(mean[0].transpose(0, 1).flatten(0, 1))

    def save(self, path: Path, info: LatentInfo) -> None:
        """Write the safetensors file: `mean`, (C, T, h, w)."""
        if self._shape is None:
            raise ValueError("nothing was appended")
        channels, height, width = self._shape
        plan = TensorPlan("mean", (channels, self.count, height, width), self._type)
        # every channel's planes in order of time; they lie in order of time first
        places = (latent * channels + channel for channel in range(channels) for latent in range(self.count))
        planes = (self._planes.read(place, place + 1) for place in places)
        write_safetensors_parts(path, plan, planes, {LATENTS_KEY: info.to_json()})


@dataclass(frozen=True)
class LatentFile:
    """An open latent file. shape: (C, T, h, w)."""

    path: Path
    info: LatentInfo
    shape: tuple[int, int, int, int]
    _values: np.ndarray

    def pieces(self, start: int = 0) -> Iterator[Tensor]:
        """One latent after the other from `start` on, (1, C, 1, h, w) float32."""
        for t in range(start, self.shape[1]):
            yield torch.from_numpy(self._values[None, :, t : t + 1].astype(np.float32))

    def read(self, start: int, stop: int) -> Tensor:
        """The latents start..stop, channels last: (t, h, w, C) float32."""
        return torch.from_numpy(self._values[:, start:stop].astype(np.float32)).permute(1, 2, 3, 0)


def open_latents(path: Path) -> LatentFile:
    """Map a latent file; nothing of it is held in memory. Raises WeightsError."""
    with open_weights(path) as source:
        found = identify(source)
        if found.kind is not FileKind.LATENTS:
            raise WeightsError(f"holds {found.text}, no latents", where=path, do="give a file made by encode")
        info = LatentInfo.from_json(source.metadata[LATENTS_KEY], where=path)
        spec = source.specs["mean"]
        if spec.quant not in _TYPES or len(spec.shape) != 4 or min(spec.shape) < 1 or spec.offset is None:
            raise WeightsError(f"mean is {spec.quant} {spec.shape}", where=path, do="encode it again")
        values = np.memmap(path, _TYPES[spec.quant], "r", spec.offset, spec.shape)
    channels, count, height, width = spec.shape
    return LatentFile(path, info, (channels, count, height, width), values)


def is_latent_file(path: Path) -> bool:
    """Whether a file is safetensors by its content; media never begins with such a header."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    return len(head) == 9 and head[7] == 0 and head[8:] == b"{"


def _whole(value: object, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(value)
    return value


def _times(values: dict[str, Any]) -> tuple[Fraction | None, tuple[int, ...]]:
    """The clock and the stamps of a variable rate: one for each frame, each later than the one before."""
    if "tick" not in values:
        return None, ()
    stamps = values["stamps"]
    if len(stamps) != values["frames"] or any(type(stamp) is not int for stamp in stamps):
        raise ValueError(stamps)
    if stamps[0] < 0 or any(later <= earlier for earlier, later in pairwise(stamps)):
        raise ValueError(stamps)
    return parse_rate(values["tick"]), tuple(stamps)


def _color(values: object) -> Color:
    match values:
        case [(str() | None) as matrix, (str() | None) as primaries, (str() | None) as transfer, full_range]:
            if full_range is None or isinstance(full_range, bool):
                return Color(matrix, primaries, transfer, full_range)
    raise ValueError(values)
