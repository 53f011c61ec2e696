"""Values become codes and come back within a step, and a coded weight holds its input's scales."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError, WeightsError
from seedvr2_cli.ops.scales import E4M3, FULL_SCALE, Codes, int8_codes, quantise_weight, scale_for


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("bound", "scale"), [(448.0, 1.0), (449.0, 2.0), (224.0, 0.5), (8.0, 1 / 32), (0.0, 1.0), (1e400, 1.0)]
)
def test_an_e4m3_scale_is_the_smallest_power_of_two_that_does_not_saturate(bound, scale):
    assert scale_for(bound, FULL_SCALE[E4M3]) == scale


@given(st.lists(st.floats(0.01, 1e3), min_size=1, max_size=5))
def test_an_int8_range_is_held_within_half_a_step(highs):
    high = torch.tensor(highs)
    low = -0.278 * torch.ones_like(high)  # silu's least value
    codes = int8_codes(low, high)
    step = codes.scale / codes.lift
    for values in (low, high, low / 2, high / 3, torch.zeros_like(high)):
        assert ((codes.decode(codes.encode(values)) - values).abs() <= step * 0.5001).all()
    assert codes.encode(torch.zeros(len(highs))).tolist() == [codes.zero] * len(highs)


def test_int8_spends_its_codes_on_the_range_that_is_asked_for():
    codes = int8_codes(torch.tensor([-0.3, -0.3, -0.3]), torch.tensor([1.0, 3.0, 6.0]))
    assert codes.zero == -104  # the middle channel's: -128 + 255 * 0.3 / 3.3
    assert codes.encode(torch.tensor([[3.0, 3.0, 6.0], [-9.0, -0.3, 9.0]])).tolist() == [
        [127, 127, 127],
        [-128, -127, 127],
    ]


@pytest.mark.parametrize(
    ("value", "code"), [(17.0, 16.0), (19.0, 20.0), (0.001, 2.0**-9), (1e9, 448.0), (-465.0, -448.0)]
)
def test_e4m3_ties_go_to_even_and_large_values_saturate(value, code):
    assert Codes(E4M3).encode(torch.tensor([value])).float().item() == code


def test_no_number_stays_one_in_e4m3_and_becomes_nothing_in_int8():
    nan = torch.tensor([float("nan")])
    assert Codes(E4M3).encode(nan).float().isnan().all()
    assert Codes(torch.int8, zero=-99).encode(nan).item() == -99


@pytest.mark.parametrize("dtype", [E4M3, torch.int8])
def test_the_largest_weight_of_each_output_channel_takes_the_largest_code(dtype):
    weight = normal(6, 4, 3, 3, 3) * torch.logspace(-6, 6, 6).view(-1, 1, 1, 1, 1)
    coded = quantise_weight(weight, dtype)
    largest = {E4M3: 448.0, torch.int8: 127.0}[dtype]
    assert coded.codes.float().abs().amax((1, 2, 3, 4)).tolist() == [largest] * 6
    back = coded.codes.float() * coded.gain.view(-1, 1, 1, 1, 1)
    off = (back - weight).flatten(1).norm(dim=1) / weight.flatten(1).norm(dim=1)
    assert off.max() < {E4M3: 0.05, torch.int8: 0.02}[dtype]


@pytest.mark.parametrize("dtype", [E4M3, torch.int8])
def test_what_equalises_an_inputs_channels_is_taken_off_its_weight(dtype):
    weight, lift = normal(6, 4, 3, 3, 3), torch.tensor([0.25, 1.0, 2.0, 8.0])
    scaled = quantise_weight(weight / lift.view(-1, 1, 1, 1), dtype)
    coded = quantise_weight(weight, dtype, lift)
    assert torch.equal(coded.codes.float(), scaled.codes.float())
    assert torch.equal(coded.gain, scaled.gain)


def test_an_output_channel_of_zeros_stays_one():
    coded = quantise_weight(torch.zeros(2, 3, 1, 3, 3), torch.int8)
    assert not coded.codes.any()
    assert coded.gain.tolist() == [1.0, 1.0]


def test_what_is_no_code_or_no_number_is_refused():
    nan = torch.full((2, 3, 1, 3, 3), float("nan"))
    cases = {
        "torch.float16 with 0 for 0.0: codes are float8_e4m3fn or int8": lambda: Codes(torch.float16),
        "torch.float8_e4m3fn with 7 for 0.0: codes are float8_e4m3fn or int8": lambda: Codes(E4M3, zero=7),
        "codes of scale 0.0 with 0 for 0.0": lambda: Codes(E4M3, 0.0),
        "codes of scale 1.0 with 128 for 0.0": lambda: Codes(torch.int8, zero=128),
        "a conv's weight has values that are not finite": lambda: quantise_weight(nan, E4M3),
        "a norm's range has values that are not finite": lambda: int8_codes(nan[0], nan[0]),
    }
    for line, make in cases.items():
        with pytest.raises((ShapeError, WeightsError)) as caught:
            make()
        assert str(caught.value) == line
