"""Color, then strength: what happens to restored frames before they are written, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seedvr2_cli.base.choices import ColorMethod
from seedvr2_cli.base.errors import ShapeError, UsageError
from seedvr2_cli.color.adain import adain
from seedvr2_cli.color.hsv import hsv
from seedvr2_cli.color.lab import lab
from seedvr2_cli.color.mix import mix
from seedvr2_cli.color.strength import Strength
from seedvr2_cli.color.transfer import transfer
from seedvr2_cli.color.wavelet import wavelet
from seedvr2_cli.color.wavelet_adaptive import wavelet_adaptive

Method = Callable[[Tensor, Tensor], Tensor]
METHODS: Mapping[ColorMethod, Method] = {
    ColorMethod.TRANSFER: transfer,
    ColorMethod.WAVELET: wavelet,
    ColorMethod.WAVELET_ADAPTIVE: wavelet_adaptive,
    ColorMethod.LAB: lab,
    ColorMethod.ADAIN: adain,
    ColorMethod.HSV: hsv,
}
# histograms over all frames of a call: their result depends on how a clip is cut
POOLED = frozenset({ColorMethod.LAB, ColorMethod.HSV, ColorMethod.WAVELET_ADAPTIVE})


@dataclass(frozen=True, kw_only=True)
class Corrector:
    """A color method and a strength. It keeps nothing between calls.

    scale: output pixels per input pixel, for `transfer`. pool: frames whose histograms the POOLED methods
    take together; the others see one frame at a time. Raises UsageError for a pool below 1.
    """

    method: ColorMethod = ColorMethod.AUTO
    strength: Strength = field(default_factory=Strength)
    scale: float = 2.0
    pool: int = 5  # a batch of the public tools by default

    def __post_init__(self) -> None:
        if self.pool < 1:
            raise UsageError(f"{self.pool} frames hold no color", where="color pool", do="give 1 or more")

    def correct(self, content: Tensor, reference: Tensor) -> Tensor:
        """Restored frames (N, 3, H, W) with the color of `reference`, the resized input of the same size.

        Both about [-1, 1]; the result is float32 (`content` itself where nothing is to be done), and not
        clamped by every method. Beside it, memory is that of one frame, or of one pool. Raises ShapeError
        where the sizes differ.
        """
        if content.shape != reference.shape:
            what = f"color for frames of {tuple(content.shape)} from {tuple(reference.shape)}"
            raise ShapeError(what)
        if self.method is ColorMethod.OFF and self.strength == Strength():
            return content.float()
        corrected = torch.empty_like(content, dtype=torch.float32)
        parts = (frames.split(self._at_once) for frames in (content, reference, corrected))
        for restored, wanted, out in zip(*parts, strict=True):
            out.copy_(self._corrected(restored.float(), wanted.float()))
        return corrected

    def stream(self, pieces: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
        """One shot, as pieces of (content, reference) of any lengths, in order; every frame comes out once.

        Pools start with the shot, so that the frames do not depend on how it is cut into pieces; the last
        pool is as long as what is left. Less than a pool is held back.
        """
        held: tuple[Tensor, Tensor] | None = None
        for piece in pieces:
            held = piece if held is None else (torch.cat([held[0], piece[0]]), torch.cat([held[1], piece[1]]))
            whole = len(held[0]) // self._at_once * self._at_once
            if whole:
                yield self.correct(held[0][:whole], held[1][:whole])
                held = (held[0][whole:], held[1][whole:]) if whole < len(held[0]) else None
        if held is not None:
            yield self.correct(*held)

    @property
    def _at_once(self) -> int:
        return self.pool if self.method in POOLED else 1

    def _corrected(self, content: Tensor, reference: Tensor) -> Tensor:
        match self.method:
            case ColorMethod.OFF:
                corrected = content
            case ColorMethod.AUTO | ColorMethod.TRANSFER:
                corrected = transfer(content, reference, self.scale)
            case _:
                corrected = METHODS[self.method](content, reference)
        return mix(self.strength, corrected, reference)
