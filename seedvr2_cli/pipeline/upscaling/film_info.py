"""What a latent file holds beside the latents when it was made for upscaling. No torch."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Self

from seedvr2_cli.base.choices import ColorMethod, OnError, Pad
from seedvr2_cli.color.strength import Strength
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.plan.shots import Shot, shots_of

MAX_PATH = 4096


@dataclass(frozen=True, kw_only=True)
class FilmInfo:
    """shots: whole and in order. pad: the rule for the padding. path: where the source was; reading: how it
    was read, so that it can be read again. restored: the transformer has been there; color, strength: what is
    to be done after decoding.
    """

    shots: tuple[Shot, ...]
    pad: Pad
    path: str
    reading: InputOptions
    restored: bool = False
    color: ColorMethod = ColorMethod.AUTO
    strength: Strength = field(default_factory=Strength)

    @property
    def latents(self) -> int:
        """How many all shots have."""
        return sum(shot.latents for shot in self.shots)

    def first_latent(self, shot: Shot) -> int:
        """Where a shot's latents begin."""
        return sum(other.latents for other in self.shots if other.stop <= shot.first)

    def to_json(self) -> dict[str, Any]:
        """A value that JSON holds."""
        reading, strength = self.reading, self.strength
        return {
            "shots": [shot.first for shot in self.shots],
            "pad": str(self.pad),
            "path": self.path,
            "reading": {
                "start": str(reading.start),
                "end": None if reading.end is None else str(reading.end),
                "frames": reading.frames,
                "deinterlace": reading.deinterlace,
                "on_error": str(reading.on_error),
                "rate": None if reading.rate is None else str(reading.rate),
            },
            "restored": self.restored,
            "color": str(self.color),
            "strength": [strength.low, strength.mid, strength.high],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], frames: int) -> Self:
        """Raises ValueError, KeyError, TypeError or UsageError for what `to_json` does not give.

        frames: of the film.
        """
        first, *starts = values["shots"]
        if first != 0 or any(type(start) is not int for start in (first, *starts)):
            raise ValueError(values["shots"])
        path, reading = values["path"], values["reading"]
        low, mid, high = (float(share) for share in values["strength"])
        if not isinstance(path, str) or len(path) > MAX_PATH or "\0" in path:
            raise ValueError(path)
        return cls(
            shots=shots_of(starts, frames),
            pad=Pad(values["pad"]),
            path=path,
            reading=InputOptions(
                start=_time(reading["start"]) or Fraction(0),
                end=_time(reading["end"]),
                frames=_of(reading["frames"], int),
                deinterlace=_of(reading["deinterlace"], bool),
                on_error=OnError(reading["on_error"]),
                rate=_time(reading["rate"]),
            ),
            restored=values["restored"] is True,
            color=ColorMethod(values["color"]),
            strength=Strength(low, mid, high),
        )


def _time(text: str | None) -> Fraction | None:
    if text is None:
        return None
    if len(text) > 40 or "e" in text.lower():  # 1e999999 would be a number of that many digits
        raise ValueError(text)
    return Fraction(text)


def _of(value: Any, kind: type) -> Any:
    if value is not None and type(value) is not kind:
        raise ValueError(value)
    return value
