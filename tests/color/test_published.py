"""The published methods give the published numbers."""

import pytest

from seedvr2_cli.base.choices import ColorMethod
from seedvr2_cli.color.correct import METHODS
from tests.prepare.published import published

# fixtures/dit/README.md: lab has powers near 0; lab and hsv hang on ranks, which rounding exchanges
TOLERANCE = {ColorMethod.LAB: 1e-4}
OUTLIERS = {ColorMethod.LAB: 1e-3, ColorMethod.HSV: 1e-3}


@pytest.mark.parametrize("name", [name for name in METHODS if name is not ColorMethod.TRANSFER])
def test_a_published_method_agrees_with_its_fixture(name, data, shared):
    tensors = published("color_small", data, shared).tensors
    made = METHODS[name](tensors["content"], tensors["style"])
    off = (made - tensors[name]).abs() > TOLERANCE.get(name, 1e-5)
    assert float(off.float().mean()) <= OUTLIERS.get(name, 0)


@pytest.mark.shared
def test_the_wavelet_split_agrees_where_all_five_radii_are_used(data, shared):
    tensors = published("color_wavelet_large", data, shared).tensors
    content, reference = (tensors[name] / 127.5 - 1 for name in ("content_u8", "style_u8"))
    made = METHODS[ColorMethod.WAVELET](content, reference)
    assert (made - tensors["wavelet"]).abs().max() <= 1e-5
