"""16 bits that overflow are noticed, redone in float32, and said."""

import pytest
import torch

from seedvr2_cli.base.errors import WeightsError
from tests.vae.conftest import TINY, recipe_vae, snr

# one conv in the middle leaves float16's range; the norm behind it brings the values back in float32
HUGE = {
    "decoder.up_blocks.1.resnets.0.conv1.weight": 3e5,
    "encoder.down_blocks.1.resnets.0.conv1.weight": 3e5,
}


def test_a_slice_that_overflows_is_redone_in_float32_and_said(noise, lines):
    exact = recipe_vae(TINY, 1, HUGE)
    half = recipe_vae(TINY, 1, HUGE, dtype=torch.bfloat16, reporter=lines)
    z = noise(1, 4, 3, 4, 4)
    assert half.decode(z).isfinite().all()
    assert lines.said == []  # bfloat16 has float32's range

    half = recipe_vae(TINY, 1, HUGE, dtype=torch.float16, reporter=lines)
    assert snr(half.decode(z), exact.decode(z)) > 45
    assert lines.said == ["[VAE] a slice of the decoder was not finite in float16; redone in float32"] * 3
    lines.said.clear()
    x = noise(1, 3, 5, 16, 16)
    assert snr(half.encode(x).mean, exact.encode(x).mean) > 45
    assert lines.said == ["[VAE] a slice of the encoder was not finite in float16; redone in float32"] * 2


def test_a_slice_after_one_that_was_redone_needs_no_more(noise, lines):
    """The cache that float32 leaves serves the next slice, in 16 bits or, if it must, in float32 again."""
    half = recipe_vae(TINY, 1, HUGE, dtype=torch.float16, reporter=lines)
    z = noise(1, 4, 5, 4, 4)
    pieces = list(half.decode_stream(z.split(1, dim=2)))
    assert snr(torch.cat(pieces, 2), recipe_vae(TINY, 1, HUGE).decode(z)) > 45


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_values_that_are_not_finite_in_float32_either_are_an_error(noise, dtype):
    vae = recipe_vae(TINY, 1, dtype=dtype)
    z = noise(1, 4, 1, 4, 4)
    z[0, 0, 0, 0, 0] = torch.nan
    with pytest.raises(WeightsError) as caught:
        vae.decode(z)
    assert str(caught.value) == (
        "the decoder gives values that are not finite, in float32 too; check the weight file and the input"
    )
