"""The causal conv over slots: as exact as plain torch, for every number of slots and either kind of loads."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops import reference
from seedvr2_cli.ops.on_triton.conv import Epilogue, conv3x3x3, conv_phases
from seedvr2_cli.ops.on_triton.packed import pack_conv3x3x3
from seedvr2_cli.ops.on_triton.sums import finish_sums
from tests.ops.on_triton.cases import DTYPES, convolve, doubles, error, normal, slots_of

pytestmark = pytest.mark.triton


def weights(c_out, c_in, device):
    return normal(c_out, c_in, 3, 3, 3, seed=7, at=device) * 0.05, normal(c_out, seed=8, at=device)


@pytest.mark.parametrize("descriptors", [False, True], ids=["pointers", "descriptors"])
@pytest.mark.parametrize("slot_count", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_frame_of_a_conv_with_its_residual_and_sums(dtype, slot_count, descriptors, device):
    slots = slots_of(slot_count, 5, 7, 48, dtype, device)
    weight, bias = weights(40, 48, device)
    residual = normal(5, 7, 40, dtype=dtype, seed=9, at=device)
    out = torch.empty(5, 7, 40, dtype=dtype, device=device)
    packed = pack_conv3x3x3(weight, bias, slot_count, dtype)
    partials = convolve(slots, packed, out, Epilogue(residual, with_sums=True), descriptors=descriptors)
    merged = reference.merge_taps(weight, slot_count)
    truth = reference.conv3x3x3(doubles(slots), merged.double(), bias.double(), residual.double())
    plain = reference.conv3x3x3(slots, merged, bias, residual)
    assert error(out, truth) <= 2 * error(plain, truth)
    sums, expected = finish_sums([partials]), reference.frame_sums(out)
    assert sums.count == expected.count
    assert error(sums.total, expected.total.double()) < 1e-6
    assert error(sums.m2, expected.m2.double()) < 1e-6


@pytest.mark.parametrize(("c_in", "c_out"), [(3, 16), (16, 3), (20, 64), (80, 16)])
def test_channels_that_fill_no_block_are_padded(c_in, c_out, device):
    slots = slots_of(3, 3, 9, c_in, torch.float32, device)
    weight, bias = weights(c_out, c_in, device)
    out = torch.empty(3, 9, c_out, device=device)
    conv3x3x3(slots, pack_conv3x3x3(weight, bias, 3, torch.float32), out)
    truth = reference.conv3x3x3(doubles(slots), weight.double(), bias.double())
    assert error(out, truth) <= 2 * error(reference.conv3x3x3(slots, weight, bias), truth)


@given(cuts=st.sets(st.integers(1, 6), max_size=3))
@settings(max_examples=5)
def test_strips_of_any_height_give_the_bits_of_the_whole(device, cuts):
    slots = slots_of(3, 7, 9, 16, torch.bfloat16, device)
    packed = pack_conv3x3x3(*weights(32, 16, device), 3, torch.bfloat16)
    residual = normal(7, 9, 32, dtype=torch.bfloat16, seed=9, at=device)
    whole, strips = torch.empty_like(residual), torch.empty_like(residual)
    conv3x3x3(slots, packed, whole, Epilogue(residual))
    ends = [*sorted(cuts), 7]
    for start, end in zip([0, *ends], ends, strict=False):
        part = tuple(slot[start : end + 2] for slot in slots)
        conv3x3x3(part, packed, strips[start:end], Epilogue(residual[start:end]))
    assert torch.equal(whole, strips)


def test_the_result_may_be_added_to_the_map_it_goes_into(device):
    slots = slots_of(3, 5, 7, 16, torch.float16, device)
    packed = pack_conv3x3x3(*weights(16, 16, device), 3, torch.float16)
    stream = normal(5, 7, 16, dtype=torch.float16, seed=9, at=device)
    apart = torch.empty_like(stream)
    conv3x3x3(slots, packed, apart, Epilogue(stream))
    conv3x3x3(slots, packed, stream, Epilogue(stream))
    assert torch.equal(stream, apart)


def test_what_does_not_fit_is_refused_with_both_numbers(device):
    slots = slots_of(2, 5, 7, 16, torch.float16, device)
    packed = pack_conv3x3x3(*weights(32, 16, device), 2, torch.float16)
    out = torch.empty(5, 7, 32, dtype=torch.float16, device=device)
    float32 = pack_conv3x3x3(*weights(32, 16, device), 2, torch.float32)
    shorter = (slots[0], slots[1][1:])
    weight_line = f"weight: torch.float32 on {device}, torch.float16 on {device} expected"
    cases = {
        "3 slots given to a conv packed for 2": (conv3x3x3, (slots + slots[:1], packed, out)),
        "slot: shape (6, 7, 16), (7, 7, 16) in one piece expected": (conv3x3x3, (shorter, packed, out)),
        "out: shape (4, 7, 32), (5, 7, 32) in one piece expected": (conv3x3x3, (slots, packed, out[1:])),
        "residual: shape (7, 7, 16), (5, 7, 32) in one piece expected": (
            conv3x3x3,
            (slots, packed, out, Epilogue(slots[0])),
        ),
        weight_line: (conv3x3x3, (slots, float32, out)),
        "weights of a plain conv given to conv_phases": (conv_phases, (slots, packed, out)),
    }
    for line, (function, arguments) in cases.items():
        with pytest.raises(ShapeError) as caught:
            function(*arguments)
        assert str(caught.value) == line


def test_weights_of_another_kernel_size_are_not_packed(device):
    weight, bias = weights(4, 4, device)
    cases = {
        "weight (4, 4, 3, 3) and bias (4,) are no 3x3x3 conv": (weight[:, :, 0], bias, 3, torch.float16),
        "4 slots: a causal conv reads 1 to 3": (weight, bias, 4, torch.float16),
    }
    for line, arguments in cases.items():
        with pytest.raises(ShapeError) as caught:
            pack_conv3x3x3(*arguments)
        assert str(caught.value) == line
