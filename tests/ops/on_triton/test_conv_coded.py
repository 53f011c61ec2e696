"""Convs of 8-bit codes: their sums are exact where float32's are, and their border is worth 0.0."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops import reference
from seedvr2_cli.ops.contracts import interior, new_slot
from seedvr2_cli.ops.on_triton.conv import Epilogue, conv3x3x3, conv_instruction, conv_phases
from seedvr2_cli.ops.on_triton.packed import PackedConv, pack_conv3x3x3, pack_phases
from seedvr2_cli.ops.on_triton.sums import finish_sums
from seedvr2_cli.ops.scales import CODE_TYPES, E4M3, CodedWeight, Codes, quantise_weight
from tests.ops.on_triton.cases import convolve, error, normal

pytestmark = pytest.mark.triton

LOADS = pytest.mark.parametrize("descriptors", [False, True], ids=["pointers", "descriptors"])
TYPES = pytest.mark.parametrize("dtype", CODE_TYPES)


@dataclass(frozen=True)
class Case:
    """A conv of codes: its slots, and their values in float64; its weight as packed, as the reference takes
    it, and in float64."""

    codes: Codes
    slots: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    packed: PackedConv
    coded: CodedWeight
    weight: Tensor
    bias: Tensor

    def how(self, residual: Tensor | None = None, *, with_sums: bool = False) -> Epilogue:
        return Epilogue(residual, with_sums, scale=self.codes.scale, zero=self.codes.zero)

    def plain(self, residual: Tensor | None = None) -> Tensor:
        """What plain torch makes of the codes."""
        return reference.conv3x3x3_coded(self.slots, self.codes, self.coded, self.bias, residual)

    def truth(self, residual: Tensor | None = None) -> Tensor:
        """The conv of the codes' values with the coded weight's, in float64."""
        added = None if residual is None else residual.double()
        return reference.conv3x3x3(self.values, self.weight, self.bias.double(), added)


def codes_for(dtype: torch.dtype, channels: int, device: torch.device) -> Codes:
    """At these some values saturate; in int8 each channel differs."""
    if dtype == E4M3:
        return Codes(E4M3, 1 / 256)
    return Codes(dtype, 0.013, -99, 2.0 ** torch.arange(channels, device=device).remainder(3))


def coded_slots(codes: Codes, size: tuple[int, int, int], count: int, device: torch.device):
    """Slots of random values, and those values as they come back."""
    slots = []
    for index in range(count):
        slot = new_slot(*size, codes, device)
        values = normal(*size, seed=index, at=device).abs()
        interior(slot).copy_(codes.encode(values - 0.2))
        slots.append(slot)
    return tuple(slots), tuple(codes.decode(slot).double() for slot in slots)


def conv_case(dtype, c_in, c_out, slot_count, device, size=(5, 7)) -> Case:
    codes = codes_for(dtype, c_in, device)
    slots, values = coded_slots(codes, (*size, c_in), slot_count, device)
    weight, bias = normal(c_out, c_in, 3, 3, 3, seed=7, at=device) * 0.05, normal(c_out, seed=8, at=device)
    coded = quantise_weight(reference.merge_taps(weight, slot_count), dtype, codes.lift)
    back = coded.codes.double() * coded.gain.double().view(-1, 1, 1, 1, 1)
    if codes.lift is not None:
        back = back * codes.lift.double().view(-1, 1, 1, 1)
    packed = pack_conv3x3x3(weight, bias, slot_count, codes)
    return Case(codes, slots, values, packed, coded, back, bias)


@LOADS
@pytest.mark.parametrize("slot_count", [1, 2, 3])
@TYPES
def test_one_frame_of_a_conv_with_its_residual_and_sums(dtype, slot_count, descriptors, device):
    case = conv_case(dtype, 48, 24, slot_count, device)
    residual = normal(5, 7, 24, dtype=torch.bfloat16, seed=9, at=device)
    out = torch.empty_like(residual)
    how = case.how(residual, with_sums=True)
    partials = convolve(case.slots, case.packed, out, how, descriptors=descriptors)
    truth, plain = case.truth(residual), case.plain(residual).to(out.dtype)
    assert error(plain, truth) < 0.002  # one rounding to bfloat16
    assert error(out, truth) <= 1.01 * error(plain, truth)
    sums, expected = finish_sums([partials]), reference.frame_sums(out)
    assert error(sums.total, expected.total.double()) < 1e-6
    assert error(sums.m2, expected.m2.double()) < 1e-6


@LOADS
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (3, 1), (4, 9)])
def test_int8_gives_the_references_bits_at_every_border(size, descriptors, device):
    case = conv_case(torch.int8, 32, 16, 3, device, size)
    out = torch.empty(*size, 16, device=device)
    convolve(case.slots, case.packed, out, case.how(), descriptors=descriptors)
    assert torch.equal(out, case.plain())
    assert error(out, case.truth()) < 1e-6


@LOADS
def test_e4m3_sums_of_small_whole_numbers_are_exact(descriptors, device):
    codes = Codes(E4M3, 2.0)
    slots = tuple(new_slot(5, 7, 48, codes, device) for _ in range(3))
    for index, slot in enumerate(slots):
        interior(slot).copy_(codes.encode((normal(5, 7, 48, seed=index, at=device) * 4).round()))
    weight = (normal(24, 48, 3, 3, 3, seed=7, at=device) * 2).round().clamp(-7, 7)
    weight[:, 0, 0, 0, 0] = 7  # each channel's scale becomes 7 / 448, a power of two
    bias, residual = normal(24, seed=8, at=device).round(), normal(5, 7, 24, seed=9, at=device).round()
    out = torch.empty_like(residual)
    packed = pack_conv3x3x3(weight, bias, 3, codes)
    convolve(slots, packed, out, Epilogue(residual, scale=2.0), descriptors=descriptors)
    values = tuple(codes.decode(slot).double() for slot in slots)
    truth = reference.conv3x3x3(values, weight.double(), bias.double(), residual.double())
    assert torch.equal(out.double(), truth)


@LOADS
@pytest.mark.parametrize(("slot_count", "edges"), [(1, (True, True)), (2, (False, True)), (3, (True, False))])
@TYPES
def test_all_phases_of_one_frame_interleave(dtype, slot_count, edges, descriptors, device):
    codes = codes_for(dtype, 16, device)
    slots, _ = coded_slots(codes, (3, 5, 16), slot_count, device)
    weight = normal(2, 2, 24, 16, slot_count, 2, 2, seed=7, at=device) * 0.1
    bias = normal(2, 2, 3, 3, 24, seed=8, at=device)
    out = torch.empty(6, 10, 24, device=device)
    how = Epilogue(edges=edges, scale=codes.scale, zero=codes.zero)
    convolve(slots, pack_phases(weight, bias, codes), out, how, descriptors=descriptors)
    coded = quantise_weight(weight, dtype, codes.lift)
    expected = reference.conv_phases_coded(slots, codes, coded, bias, edges)
    if dtype == torch.int8:
        assert torch.equal(out, expected)
    else:
        assert error(out, expected.double()) < 1e-6


@pytest.mark.parametrize(("c_in", "c_out"), [(3, 16), (16, 3), (20, 40), (80, 16)])
@TYPES
def test_channels_that_fill_no_block_are_padded(dtype, c_in, c_out, device):
    case = conv_case(dtype, c_in, c_out, 3, device, size=(3, 9))
    out = torch.empty(3, 9, c_out, device=device)
    conv3x3x3(case.slots, case.packed, out, case.how())
    assert error(out, case.truth()) < 1e-6


@given(cut=st.integers(1, 6))
@settings(max_examples=3)
@TYPES
def test_strips_of_any_height_give_the_bits_of_the_whole(dtype, device, cut):
    case = conv_case(dtype, 16, 16, 1, device, size=(7, 5))
    whole = torch.empty(7, 5, 16, dtype=torch.float16, device=device)
    strips = torch.empty_like(whole)
    conv3x3x3(case.slots, case.packed, whole, case.how())
    for start, end in ((0, cut), (cut, 7)):
        part = tuple(slot[start : end + 2] for slot in case.slots)
        conv3x3x3(part, case.packed, strips[start:end], case.how())
    assert torch.equal(whole, strips)


def test_slots_of_another_form_than_the_weight_are_refused(device):
    case = conv_case(torch.int8, 16, 16, 2, device)
    out = torch.empty(5, 7, 16, dtype=torch.float16, device=device)
    e4m3 = tuple(slot.float().to(E4M3) for slot in case.slots)
    raw = tuple(slot.int() for slot in case.slots)
    weight_line = f"weight: torch.int8 on {device}, torch.float8_e4m3fn on {device} expected"
    cases = {
        weight_line: (conv3x3x3, (e4m3, case.packed, out)),
        "slot: torch.int32: slots hold what maps do, or 8-bit codes": (conv3x3x3, (raw, case.packed, out)),
        "out: torch.int8: maps are float16, bfloat16 or float32": (
            conv3x3x3,
            (case.slots, case.packed, out.to(torch.int8)),
        ),
        "weights of a plain conv given to conv_phases": (conv_phases, (case.slots, case.packed, out)),
    }
    for line, (function, arguments) in cases.items():
        with pytest.raises(ShapeError) as caught:
            function(*arguments)
        assert str(caught.value) == line


def test_the_interpreter_has_no_instruction_to_tell_of(device):
    case = conv_case(torch.int8, 16, 16, 1, device)
    found = conv_instruction(case.slots, case.packed, torch.empty(5, 7, 16, device=device))
    assert found is None if device.type == "cpu" else found.in_8_bits
