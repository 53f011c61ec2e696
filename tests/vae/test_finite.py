"""Values that no picture can have end the run in one line."""

import pytest
import torch

from seedvr2_cli.base.errors import WeightsError
from tests.vae.conftest import TINY, recipe_vae, snr

# one conv in the middle leaves float16's range; the norm behind it brings the values back in float32
HUGE = {
    "decoder.up_blocks.1.resnets.0.conv1.weight": 3e5,
    "encoder.down_blocks.1.resnets.0.conv1.weight": 3e5,
}


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_a_slice_that_leaves_float16_ends_in_a_line_that_names_the_way_out(noise, half):
    vae = recipe_vae(TINY, 1, HUGE, dtype=torch.float16)
    with pytest.raises(WeightsError) as caught:
        vae.encode(noise(1, 3, 5, 16, 16)) if half == "encoder" else vae.decode(noise(1, 4, 2, 4, 4))
    assert str(caught.value) == (
        f"the {half}'s values leave the range of float16; take --dtype bfloat16 or float32"
    )


def test_bfloat16_has_the_range_of_float32(noise):
    exact, half = recipe_vae(TINY, 1, HUGE), recipe_vae(TINY, 1, HUGE, dtype=torch.bfloat16)
    z = noise(1, 4, 3, 4, 4)
    assert snr(half.decode(z), exact.decode(z)) > 25


def test_values_that_are_not_finite_in_float32_are_an_error(noise):
    vae = recipe_vae(TINY, 1)
    z = noise(1, 4, 1, 4, 4)
    z[0, 0, 0, 0, 0] = torch.nan
    with pytest.raises(WeightsError) as caught:
        vae.decode(z)
    assert str(caught.value) == (
        "the decoder gives values that are not finite; check the weight file and the input"
    )
