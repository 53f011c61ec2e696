"""int8 convs of a CPU against double precision on the same codes."""

import pytest
import torch
from torch.nn import functional as F

from seedvr2_cli.ops import reference
from seedvr2_cli.ops.moments import Norm
from seedvr2_cli.ops.on_cpu.int8 import OneDNNInt8, int8_problem
from seedvr2_cli.ops.on_cpu.onednn import OneDNN
from seedvr2_cli.ops.scales import quantise_weight


@pytest.fixture
def convs() -> OneDNNInt8:
    return OneDNNInt8(OneDNN())


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(shape, generator=generator)


def norm_of(channels: int, draw) -> Norm:
    return Norm(draw(channels).abs() + 0.5, draw(channels), 1, 1e-6)


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("with_residual", [False, True], ids=["alone", "residual"])
@pytest.mark.parametrize(("height", "width"), [(4, 9), (1, 1), (3, 2)])
def test_a_conv_gives_the_sum_of_its_codes(convs, draw, slots, with_residual, height, width):
    weight, bias = draw(7, 5, 3, 3, 3) * 0.1, draw(7)
    codes = convs.codes(norm_of(5, draw))
    frames = tuple(torch.full((height + 2, width, 5), codes.zero, dtype=torch.int8) for _ in range(slots))
    for frame in frames:
        convs.fill(draw(height, width, 5), None, frame[1:-1], codes)
    residual = draw(height, width, 7) if with_residual else None
    out = torch.empty(height, width, 7)
    moments = convs.conv(weight, bias, slots, codes, torch.float32)(frames, out, residual)
    coded = quantise_weight(reference.merge_taps(weight, slots), torch.int8, codes.lift)
    x = torch.stack([frame.double() - codes.zero for frame in frames]).permute(3, 0, 1, 2)[None]
    y = F.conv3d(x, coded.codes.double(), padding=(0, 0, 1))[0, :, 0].permute(1, 2, 0)
    expected = y * coded.gain.double() * codes.scale + bias + (residual if with_residual else 0)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(moments.mean, out.flatten(0, 1).mean(0))


@pytest.mark.parametrize("rows", [1, 700], ids=["one piece", "several"])
def test_a_slot_holds_the_nearest_codes_of_the_norms_result(convs, draw, rows):
    maps, scale, shift = draw(rows, 40, 8), draw(8), draw(8)
    codes = convs.codes(norm_of(8, draw))
    out = torch.empty(rows, 40, 8, dtype=torch.int8)
    convs.fill(maps, (scale, shift), out, codes)
    exact = F.silu(maps * scale + shift).double() * codes.lift * codes.inverse + codes.zero
    assert float((out.double() - exact.clamp(-128, 127)).abs().max()) <= 0.501


def test_values_out_of_range_saturate(convs, draw):
    codes = convs.codes(norm_of(5, draw))
    out = torch.empty(1, 2, 5, dtype=torch.int8)
    convs.fill(torch.tensor([-1e6, 1e6]).view(1, 2, 1).expand(1, 2, 5), None, out, codes)
    assert out.tolist() == [[[-128] * 5, [127] * 5]]


@pytest.mark.parametrize("edges", [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_folded_upsampler_gives_the_phases_of_its_codes(convs, draw, edges, slots):
    weight, bias = draw(2, 2, 6, 5, slots, 2, 2) * 0.1, draw(2, 2, 3, 3, 6)
    scale = 0.25
    frames = tuple(torch.zeros(6, 4, 5, dtype=torch.int8) for _ in range(slots))
    for frame in frames:
        convs.fill(draw(6, 4, 5), None, frame, convs.raw_codes(scale))
    out = torch.empty(8, 8, 6)
    convs.phases(weight, bias, torch.float32)(frames, out, edges, scale)
    coded = quantise_weight(weight, torch.int8)
    values = tuple(frame.float() * scale for frame in frames)
    whole = coded.codes.float() * coded.gain.view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(out, reference.conv_phases(values, whole, bias, edges), rtol=1e-4, atol=1e-5)


def test_it_works_with_this_torch():
    assert int8_problem(OneDNN()) == ""


def test_a_torch_without_the_operators_is_named(monkeypatch):
    def gone(*arguments: object) -> None:
        raise AttributeError("'_OpNamespace' 'onednn' object has no attribute 'qconv_prepack'")

    monkeypatch.setattr("torch.ops.onednn.qconv_prepack", gone, raising=False)
    wanted = "this torch cannot ('_OpNamespace' 'onednn' object has no attribute 'qconv_prepack')"
    assert int8_problem(OneDNN()) == wanted


def test_wrong_sums_are_seen(monkeypatch):
    right = torch.ops.onednn.qconv_pointwise
    monkeypatch.setattr("torch.ops.onednn.qconv_pointwise", lambda *given: right(*given) * 1.5)
    assert int8_problem(OneDNN()).startswith("its sums are off by ")
