"""Per-channel sums of a frame: right where the mean is far from zero, and the same however they are cut."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.ops import reference
from seedvr2_cli.ops.on_triton.sums import finish_sums, frame_partials, frame_sums
from tests.ops.on_triton.cases import DTYPES, error, normal

pytestmark = pytest.mark.triton


def far_from_zero(rows, columns, channels, dtype, device):
    """Mean 30, standard deviation 0.5: float32 sums of squares would lose four digits."""
    return (normal(rows, columns, channels, at=device) / 2 + 30).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 7, 16), (37, 29, 48), (1, 1, 3)])
def test_the_sums_of_a_map_are_those_of_float64(dtype, shape, device):
    x = far_from_zero(*shape, dtype, device)
    sums = frame_sums(x)
    pixels = x.double().flatten(0, 1)
    m2 = (pixels - pixels.mean(0)).square().sum(0)
    assert sums.count == len(pixels)
    torch.testing.assert_close(sums.total.double(), pixels.sum(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(sums.m2.double(), m2, rtol=1e-5, atol=1e-9)


def test_the_same_map_gives_the_same_bits(device):
    x = far_from_zero(67, 31, 32, torch.bfloat16, device)
    assert torch.equal(frame_sums(x).m2, frame_sums(x).m2)


@given(cuts=st.sets(st.integers(1, 39), max_size=5))
@settings(max_examples=6)
def test_strips_of_any_height_merge_to_the_sums_of_the_frame(device, cuts):
    x = far_from_zero(40, 31, 16, torch.float16, device)
    ends = [*sorted(cuts), 40]
    strips = [x[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    whole, merged = reference.frame_sums(x.double().float()), finish_sums([frame_partials(s) for s in strips])
    assert merged.count == whole.count
    assert error(merged.total, whole.total.double()) < 1e-6
    assert error(merged.m2, whole.m2.double()) < 1e-5


def test_more_partial_sums_than_one_program_merges_are_merged_in_levels(device):
    x = far_from_zero(130, 4, 16, torch.float16, device)
    merged = finish_sums([frame_partials(rows) for rows in x.split(2)])  # 65, and 64 are merged at once
    whole = frame_sums(x)
    assert merged.count == 520
    assert error(merged.m2, whole.m2.double()) < 1e-6


def test_merging_nothing_is_refused():
    with pytest.raises(ShapeError) as caught:
        finish_sums([])
    assert str(caught.value) == "no partial sums to merge"
