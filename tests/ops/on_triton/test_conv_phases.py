"""The folded upsampler: four interleaved phases whose bias knows the frame's edges."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops import reference
from seedvr2_cli.ops.on_triton.conv import Epilogue, conv3x3x3, conv_phases
from seedvr2_cli.ops.on_triton.packed import pack_phases
from seedvr2_cli.ops.on_triton.sums import finish_sums
from tests.ops.on_triton.cases import DTYPES, convolve, doubles, error, normal, slots_of

pytestmark = pytest.mark.triton


def weights(c_out, c_in, slot_count, device):
    weight = normal(2, 2, c_out, c_in, slot_count, 2, 2, seed=7, at=device) * 0.1
    return weight, normal(2, 2, 3, 3, c_out, seed=8, at=device)


@pytest.mark.parametrize("descriptors", [False, True], ids=["pointers", "descriptors"])
@pytest.mark.parametrize(
    ("slot_count", "edges"), [(1, (True, True)), (2, (False, True)), (2, (True, False)), (3, (False, False))]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_all_phases_of_one_frame_interleave(dtype, slot_count, edges, descriptors, device):
    slots = slots_of(slot_count, 3, 5, 16, dtype, device)
    weight, bias = weights(24, 16, slot_count, device)
    out = torch.empty(6, 10, 24, dtype=dtype, device=device)
    packed = pack_phases(weight, bias, dtype)
    epilogue = Epilogue(with_sums=True, edges=edges)
    partials = convolve(slots, packed, out, epilogue, descriptors=descriptors)
    truth = reference.conv_phases(doubles(slots), weight.double(), bias.double(), edges)
    plain = reference.conv_phases(slots, weight, bias, edges)
    assert error(out, truth) <= 2 * error(plain, truth)
    sums, expected = finish_sums([partials]), reference.frame_sums(out)
    assert sums.count == expected.count
    assert error(sums.m2, expected.m2.double()) < 1e-6


@given(cut=st.integers(1, 4))
@settings(max_examples=4)
def test_strips_of_any_height_give_the_bits_of_the_whole(device, cut):
    slots = slots_of(2, 5, 4, 16, torch.float16, device)
    packed = pack_phases(*weights(16, 16, 2, device), torch.float16)
    whole = torch.empty(10, 8, 16, dtype=torch.float16, device=device)
    strips = torch.empty_like(whole)
    conv_phases(slots, packed, whole)
    for start, end in ((0, cut), (cut, 5)):
        part = tuple(slot[start : end + 2] for slot in slots)
        edges = (start == 0, end == 5)
        conv_phases(part, packed, strips[2 * start : 2 * end], Epilogue(edges=edges))
    assert torch.equal(whole, strips)


def test_what_is_no_folded_upsampler_is_refused(device):
    weight, bias = weights(16, 16, 2, device)
    with pytest.raises(ShapeError) as caught:
        pack_phases(weight, bias[:, :, 0], torch.float16)
    assert str(caught.value) == (
        "weight (2, 2, 16, 16, 2, 2, 2) and bias (2, 2, 3, 16) are no folded upsampler"
    )
    packed = pack_phases(weight, bias, torch.float16)
    slots = slots_of(2, 3, 5, 16, torch.float16, device)
    with pytest.raises(ShapeError) as caught:
        conv3x3x3(slots, packed, torch.empty(3, 5, 16, dtype=torch.float16, device=device))
    assert str(caught.value) == "weights of a folded upsampler given to conv3x3x3"
