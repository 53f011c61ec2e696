"""Numbers to blocks: the quantised types that gguf reads.

gguf itself makes the types of 32 elements. The K types keep 256 elements with a scale (Q4_K, Q5_K: and a
minimum) for every 16 or 32 of them, as small integers times a float16 of the block. A scale is searched among
steps around the one that reaches the largest value, each refitted by least squares; then the integers are
tried one up and one down with the block's rounded float16. Layouts: spec/vae.md 5.3.
"""

import itertools
from collections.abc import Callable

import gguf
import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.weights.quants import BLOCKS

_CHUNK = 1 << 17  # elements at once: every intermediate value is 512 KiB
_TINY = 2.0**-24  # the smallest float16 above zero
_SHIFTS = (-0.8, -0.4, 0.0, 0.4, 0.8, 1.2)  # of the largest number, in steps of the scale tried
_NEAR = (0, -1, 1)


def quantise(values: Tensor, quant: str) -> np.ndarray:
    """Float numbers as blocks: (n,) -> (bytes,) uint8, little endian. n: a multiple of the block's elements.

    Takes a scratch of a few MiB, however many there are.
    """
    block = BLOCKS[quant]
    rows = values.reshape(-1, block.elements)
    out = np.empty((len(rows), block.nbytes), np.uint8)
    step = _CHUNK // block.elements
    for at in range(0, len(rows), step):
        out[at : at + step] = ENCODERS[quant](rows[at : at + step].float())
    return out.reshape(-1)


def _by_gguf(quant: str) -> Callable[[Tensor], np.ndarray]:
    kind = gguf.GGMLQuantizationType[quant]
    return lambda rows: gguf.quants.quantize(rows.numpy(), kind)


def _q3_k(rows: Tensor) -> np.ndarray:
    x = rows.view(-1, 16, 16)
    d, scale, q = _symmetric(x, low=-4, high=3, scale_low=-32, scale_high=31)
    code, scale = (q + 4).to(torch.uint8).view(-1, 256), (scale + 32).to(torch.uint8)
    scales = [_pack(scale.view(-1, 2, 8) & 15, 4), _pack(scale.view(-1, 4, 4) >> 4, 2)]
    low = _pack((code & 3).view(-1, 2, 4, 32), 2).view(-1, 64)
    return _joined(_pack((code >> 2).view(-1, 8, 32), 1), low, *scales, _half(d))


def _q4_k(rows: Tensor) -> np.ndarray:
    head, q = _with_minimum(rows.view(-1, 8, 32), high=15)
    return _joined(*head, _pack(q.view(-1, 4, 2, 32), 4).view(-1, 128))


def _q5_k(rows: Tensor) -> np.ndarray:
    head, q = _with_minimum(rows.view(-1, 8, 32), high=31)
    return _joined(*head, _pack(q >> 4, 1), _pack((q & 15).view(-1, 4, 2, 32), 4).view(-1, 128))


def _q6_k(rows: Tensor) -> np.ndarray:
    x = rows.view(-1, 16, 16)
    d, scale, q = _symmetric(x, low=-32, high=31, scale_low=-128, scale_high=127)
    code = (q + 32).to(torch.uint8)
    low = _pack((code & 15).view(-1, 2, 2, 64), 4).view(-1, 128)
    high = _pack((code >> 4).view(-1, 2, 4, 32), 2).view(-1, 64)
    return _joined(low, high, scale.to(torch.int8).view(torch.uint8), _half(d))


def _symmetric(
    x: Tensor, *, low: int, high: int, scale_low: int, scale_high: int
) -> tuple[Tensor, Tensor, Tensor]:
    """x (n, groups, k) as d * scale * q: d (n,) with a float16's value, scale (n, groups) and q whole."""
    wanted = _fit_scale(x, low, high)
    reach = wanted.abs().amax(1)
    d = (reach / scale_high).clamp(min=_TINY).half().float() * (reach > 0)
    start = _divided(wanted, d[:, None]).round()
    best = _Best(x)
    for near in _NEAR:
        scale = (start + near).clamp(scale_low, scale_high)
        step = (d[:, None] * scale)[..., None]
        q = _divided(x, step).round_().clamp_(low, high)
        best.offer(step * q, scale, q=q)
    (scale,), q = best.chosen
    return d, scale, q


def _fit_scale(x: Tensor, low: int, high: int) -> Tensor:
    """The scale (n, groups) with which whole numbers of low to high come closest to x, by least squares."""
    peak = x.gather(2, x.abs().argmax(2, keepdim=True))  # signed: it gets the longer side, low
    best = torch.zeros(x.shape[:2])
    gain = torch.zeros(x.shape[:2])
    for shift in _SHIFTS:
        q = _divided(x * (low + shift), peak).round_().clamp_(low, high)
        along, length = (x * q).sum(2), (q * q).sum(2)
        ratio = _divided(along, length)
        better = along * ratio > gain  # what is taken off the error: along^2 / length
        gain = torch.where(better, along * ratio, gain)
        best = torch.where(better, ratio, best)
    return best


def _with_minimum(x: Tensor, high: int) -> tuple[list[Tensor], Tensor]:
    """x (n, 8, 32) as d * scale * q - dmin * minimum, scale and minimum of six bits: the first 16 bytes of a
    block, and q (n, 8, 32) uint8."""
    scales, minima = _fit_line(x, high)
    d, dmin = ((most.amax(1) / 63).clamp(min=_TINY).half().float() for most in (scales, minima))
    start = [_divided(part, of[:, None]).round() for part, of in ((scales, d), (minima, dmin))]
    best = _Best(x)
    for near_scale, near_minimum in itertools.product(_NEAR, _NEAR):
        scale, minimum = (part + near for part, near in zip(start, (near_scale, near_minimum), strict=True))
        scale, minimum = scale.clamp(0, 63), minimum.clamp(0, 63)
        step, under = (d[:, None] * scale)[..., None], (dmin[:, None] * minimum)[..., None]
        q = _divided(x + under, step).round_().clamp_(0, high)
        best.offer(step * q - under, scale, minimum, q=q)
    (scale, minimum), q = best.chosen
    s, m = scale.to(torch.uint8), minimum.to(torch.uint8)
    packed = [
        s[:, :4] | (s[:, 4:] >> 4) << 6,
        m[:, :4] | (m[:, 4:] >> 4) << 6,
        (s[:, 4:] & 15) | (m[:, 4:] & 15) << 4,
    ]
    return [_half(d), _half(dmin), *packed], q.to(torch.uint8)


def _fit_line(x: Tensor, high: int) -> tuple[Tensor, Tensor]:
    """Scale and minimum (n, groups), not below zero, with which scale * q - minimum comes closest to x."""
    least, most = x.amin(2).clamp(max=0), x.amax(2)
    mean = x.mean(2)
    best = _Best(x)
    for shift in _SHIFTS:
        scale = _divided(most - least, torch.tensor(high + shift))
        q = _divided(x - least[..., None], scale[..., None]).round_().clamp_(0, high)
        middle = q.mean(2)
        apart = q - middle[..., None]
        slope = _divided((apart * x).sum(2), (apart * apart).sum(2)).clamp(min=0)
        minimum = slope * middle - mean
        through_zero = _divided((q * x).sum(2), (q * q).sum(2)).clamp(min=0)
        slope = torch.where(minimum < 0, through_zero, slope)
        minimum = minimum.clamp(min=0)
        best.offer(slope[..., None] * q - minimum[..., None], slope, minimum, q=q)
    (slope, minimum), _ = best.chosen
    return slope, minimum


class _Best:
    """The best offer so far for every group: values (n, groups, k) closest to x, and what made them."""

    def __init__(self, x: Tensor) -> None:
        self._x = x
        self._error = torch.full(x.shape[:2], torch.inf)
        self._made: tuple[Tensor, ...] = ()
        self._q = torch.zeros(())

    def offer(self, values: Tensor, *made: Tensor, q: Tensor) -> None:
        """Take these where they are closer. made: (n, groups) each; q: (n, groups, k)."""
        error = (values - self._x).square_().sum(2)
        if not self._made:
            self._error, self._made, self._q = error, made, q
            return
        better = error < self._error
        self._error = torch.where(better, error, self._error)
        self._made = tuple(torch.where(better, new, old) for new, old in zip(made, self._made, strict=True))
        self._q = torch.where(better[..., None], q, self._q)

    @property
    def chosen(self) -> tuple[tuple[Tensor, ...], Tensor]:
        """What made the best values, and their whole numbers."""
        return self._made, self._q


def _divided(above: Tensor, below: Tensor) -> Tensor:
    """above / below, and 0 where below is 0."""
    return torch.where(below == 0, 0.0, above / below)


def _pack(fields: Tensor, bits: int) -> Tensor:
    """(..., fields, k) uint8 of so many bits each: (..., k) bytes, the first field in the lowest bits."""
    out = fields[..., 0, :].clone()
    for index in range(1, fields.shape[-2]):
        out |= fields[..., index, :] << (bits * index)
    return out


def _half(d: Tensor) -> Tensor:
    """(n,) as the bytes of float16: (n, 2)."""
    return d.half()[:, None].view(torch.uint8)


def _joined(*parts: Tensor) -> np.ndarray:
    return torch.cat(parts, dim=1).numpy()


ENCODERS: dict[str, Callable[[Tensor], np.ndarray]] = {
    **{quant: _by_gguf(quant) for quant in ("Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0")},
    "Q6_K": _q6_k,
    "Q5_K": _q5_k,
    "Q4_K": _q4_k,
    "Q3_K": _q3_k,
}
