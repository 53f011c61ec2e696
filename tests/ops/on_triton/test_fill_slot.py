"""The norm's affine map and SiLU: as exact as plain torch, and exactly the codes that torch makes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops import reference
from seedvr2_cli.ops.contracts import interior
from seedvr2_cli.ops.on_triton.fill_slot import encode, norm_silu
from seedvr2_cli.ops.scales import CODE_TYPES, E4M3, FULL_SCALE, Codes
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


def codes_of(dtype, channels, device) -> Codes:
    """At these some values saturate, and some are less than a step; in int8 each channel differs."""
    if dtype == E4M3:
        return Codes(E4M3, 1 / 64)
    return Codes(dtype, 0.013, -99, 2.0 ** torch.arange(channels, device=device).remainder(5))


@pytest.mark.parametrize("dtype", CODE_TYPES)
def test_codes_are_the_float32_values_to_the_nearest_saturated(dtype, device):
    x, scale, shift = operands(torch.float32, device)
    codes = codes_of(dtype, 48, device)
    whole = torch.empty_like(x)
    slot = torch.full((7, 7, 48), 9, device=device).to(dtype)
    norm_silu(x, scale, shift, whole)
    norm_silu(x, scale, shift, interior(slot), codes)
    assert torch.equal(interior(slot).float(), codes.encode(whole).float())
    assert interior(slot).float().max() == FULL_SCALE[dtype]
    assert (slot[[0, -1]].float() == 9).all()


@pytest.mark.parametrize("dtype", CODE_TYPES)
@pytest.mark.parametrize("map_type", DTYPES)
def test_a_map_without_a_norm_becomes_codes_as_it_is(map_type, dtype, device):
    x = normal(5, 7, 24, dtype=map_type, at=device)
    codes = codes_of(dtype, 24, device)
    out = torch.empty(5, 7, 24, dtype=dtype, device=device)
    encode(x, out, codes)
    assert torch.equal(out.float(), codes.encode(x).float())


TIES = [17.0, 19.0, 0.001, 0.0009765625, 465.0, 1000.0, -0.25, -17.0, 2.5, 3.5, -2.5, float("inf")]


@pytest.mark.parametrize("dtype", CODE_TYPES)
def test_ties_subnormals_and_what_saturates_round_as_in_torch(dtype, device):
    x = torch.tensor(TIES, device=device).view(1, -1, 1).contiguous()
    out = torch.empty(x.shape, dtype=dtype, device=device)
    codes = Codes(dtype, zero=3 if dtype == torch.int8 else 0)
    encode(x, out, codes)
    assert torch.equal(out.float(), codes.encode(x).float())


@pytest.mark.parametrize("dtype", CODE_TYPES)
def test_no_number_stays_one_in_e4m3_and_becomes_nothing_in_int8(dtype, device):
    """int8 has no such code; the map itself still has it, and carries it to the end of the run."""
    x = torch.full((1, 1, 16), float("nan"), device=device)
    out = torch.empty(1, 1, 16, dtype=dtype, device=device)
    codes = Codes(dtype, zero=-99 if dtype == torch.int8 else 0)
    encode(x, out, codes)
    assert out.float().isnan().all() if dtype == E4M3 else (out == -99).all()


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
        f"out: torch.float16 on {device}, torch.int8 on {device} expected": (
            x,
            scale,
            shift,
            x,
            codes_of(torch.int8, 48, device),
        ),
        "lift: shape (24,), (48,) in one piece expected": (
            x,
            scale,
            shift,
            x,
            codes_of(torch.int8, 24, device),
        ),
    }
    for line, arguments in cases.items():
        with pytest.raises(ShapeError) as caught:
            norm_silu(*arguments)
        assert str(caught.value) == line
