"""The emulated FP8 convs against double precision on the same codes."""

import math

import pytest
import torch
from torch.nn import functional as F

from seedvr2_cli.ops import reference
from seedvr2_cli.ops.emulated import Emulated
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.moments import Norm
from seedvr2_cli.ops.scales import E4M3, quantise_weight

CPU = torch.device("cpu")


@pytest.fixture
def convs() -> Emulated:
    return Emulated(PlainKernels(CPU), E4M3)


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(shape, generator=generator)


def norm_of(channels: int, draw) -> Norm:
    return Norm(draw(channels).abs() + 0.5, draw(channels), 1, 1e-6)


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("with_residual", [False, True], ids=["alone", "residual"])
def test_a_conv_gives_the_sum_of_its_codes(convs, draw, slots, with_residual):
    weight, bias = draw(7, 5, 3, 3, 3) * 0.1, draw(7)
    codes = convs.codes(norm_of(5, draw))
    frames = tuple(torch.zeros(6, 9, 5, dtype=E4M3) for _ in range(slots))
    for frame in frames:
        convs.fill(draw(4, 9, 5), None, frame[1:-1], codes)
    residual = draw(4, 9, 7) if with_residual else None
    out = torch.empty(4, 9, 7)
    moments = convs.conv(weight, bias, slots, codes, torch.float32)(frames, out, residual)
    coded = quantise_weight(reference.merge_taps(weight, slots), E4M3)
    x = torch.stack([frame.double() for frame in frames]).permute(3, 0, 1, 2)[None]
    y = F.conv3d(x, coded.codes.double(), padding=(0, 0, 1))[0, :, 0].permute(1, 2, 0)
    expected = y * coded.gain.double() * codes.scale + bias + (residual if with_residual else 0)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(moments.mean, out.flatten(0, 1).mean(0))


def test_filling_a_slot_rounds_once_from_float32(convs, draw):
    rows, scale, shift = draw(4, 9, 5).bfloat16(), draw(5), draw(5)
    codes = convs.codes(norm_of(5, draw))
    out = torch.empty(4, 9, 5, dtype=E4M3)
    convs.fill(rows, (scale, shift), out, codes)
    exact = F.silu(rows.float() * scale + shift) / codes.scale
    assert torch.equal(out.float(), exact.to(E4M3).float())


def test_a_norms_result_of_32_sigmas_is_not_saturated(convs):
    norm = Norm(torch.tensor([0.01, 1.0, 70.0]), torch.tensor([0.0, -3.0, 5.0]), 1, 1e-6)
    codes = convs.codes(norm)
    furthest = norm.weight * 32 + norm.bias
    assert float(furthest.max()) / codes.scale <= 448
    assert math.frexp(codes.scale)[0] == 0.5


@pytest.mark.parametrize("edges", [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_folded_upsampler_gives_the_phases_of_its_codes(convs, draw, edges, slots):
    weight, bias = draw(2, 2, 6, 5, slots, 2, 2) * 0.1, draw(2, 2, 3, 3, 6)
    scale = 0.25
    codes = convs.raw_codes(scale)
    frames = tuple(torch.zeros(6, 4, 5, dtype=E4M3) for _ in range(slots))
    for frame in frames:
        convs.fill(draw(6, 4, 5), None, frame, codes)
    out = torch.empty(8, 8, 6)
    convs.phases(weight, bias, torch.float32)(frames, out, edges, scale)
    coded = quantise_weight(weight, E4M3)
    values = tuple(frame.float() * scale for frame in frames)
    whole = coded.codes.float() * coded.gain.view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(out, reference.conv_phases(values, whole, bias, edges), rtol=1e-4, atol=1e-5)
