"""The norm's affine map and SiLU: as exact as plain torch, and exactly torch's e4m3."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops import reference
from seedvr2_cli.ops.contracts import E4M3_MAX, interior
from seedvr2_cli.ops.on_triton.norm_silu import norm_silu
from tests.ops.on_triton.cases import DTYPES, error, normal

pytestmark = [
    pytest.mark.triton,
    # the interpreter's exp tells of an overflow to infinity, which silu means to happen
    pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning"),
]


def operands(dtype, device, channels=48):
    x = normal(5, 7, channels, dtype=dtype, at=device)
    return x, normal(channels, seed=1, at=device) * 4, normal(channels, seed=2, at=device)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_map_goes_into_a_slot_and_leaves_its_border_rows_alone(dtype, device):
    x, scale, shift = operands(dtype, device)
    slot = torch.full((7, 7, 48), 9.0, dtype=dtype, device=device)
    norm_silu(x, scale, shift, interior(slot))
    truth = reference.norm_silu(x.double(), scale.double(), shift.double(), torch.float64)
    plain = reference.norm_silu(x, scale, shift, dtype)
    assert error(interior(slot), truth) <= 2 * error(plain, truth)
    assert (slot[[0, -1]] == 9).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_values_are_the_float32_ones_rounded_to_nearest(dtype, device):
    x, scale, shift = operands(dtype, device)
    rounded, whole = torch.empty_like(x), torch.empty_like(x, dtype=torch.float32)
    norm_silu(x, scale, shift, rounded)
    norm_silu(x.float(), scale, shift, whole)
    assert torch.equal(rounded, whole.to(dtype))


def test_the_e4m3_values_are_torchs_own_saturated_and_tied_to_even(device):
    x, scale, shift = operands(torch.float32, device)
    x *= torch.logspace(-4, 4, 7, device=device)[:, None]
    whole = torch.empty_like(x)
    small = torch.empty_like(x, dtype=torch.float8_e4m3fn)
    norm_silu(x, scale, shift, whole)
    norm_silu(x, scale, shift, small)
    expected = whole.clamp(-E4M3_MAX, E4M3_MAX).to(torch.float8_e4m3fn)
    assert torch.equal(small.float(), expected.float())
    assert small.float().max() == E4M3_MAX


@pytest.mark.parametrize("value", [17.0, 19.0, 0.001, 0.0009765625, 465.0, 1000.0, -0.25])
def test_ties_subnormals_and_what_saturates_round_as_in_torch(value, device):
    x = torch.full((1, 1, 16), value, device=device)
    out = torch.empty(1, 1, 16, dtype=torch.float8_e4m3fn, device=device)
    norm_silu(x, torch.ones(16, device=device), torch.zeros(16, device=device), out)
    one = torch.ones(16, device=device)
    assert torch.equal(out.float(), reference.norm_silu(x, one, one * 0, torch.float8_e4m3fn).float())


@given(cut=st.integers(1, 4))
@settings(max_examples=4)
def test_strips_of_any_height_give_the_bits_of_the_whole(device, cut):
    x, scale, shift = operands(torch.bfloat16, device)
    whole, strips = torch.empty_like(x), torch.empty_like(x)
    norm_silu(x, scale, shift, whole)
    for rows in (slice(0, cut), slice(cut, 5)):
        norm_silu(x[rows], scale, shift, strips[rows])
    assert torch.equal(whole, strips)


def test_what_does_not_fit_is_refused_with_both_numbers(device):
    x, scale, shift = operands(torch.float16, device)
    cases = {
        "scale: shape (32,), (48,) in one piece expected": (x, scale[:32], shift, x),
        f"shift: torch.float64 on {device}, torch.float32 on {device} expected": (
            x,
            scale,
            shift.double(),
            x,
        ),
        "out: shape (5, 7, 32), (5, 7, 48) in one piece expected": (x, scale, shift, x[..., :32]),
        "x: shape (7, 48), (rows, columns, channels) in one piece expected": (x[0], scale, shift, x),
        "x: torch.float64: maps are float16, bfloat16 or float32": (x.double(), scale, shift, x),
    }
    for line, arguments in cases.items():
        with pytest.raises(ShapeError) as caught:
            norm_silu(*arguments)
        assert str(caught.value) == line
