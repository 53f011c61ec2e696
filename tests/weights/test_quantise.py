"""Numbers become blocks that gguf decodes to the same values, no further off than a plain rounding is."""

from collections.abc import Callable

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seedvr2_cli.weights.quantise import ENCODERS, quantise
from seedvr2_cli.weights.quants import BLOCKS, decode

KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(size=n) * 0.02,
    "heavy tails": lambda rng, n: rng.laplace(size=n),
    "far from zero": lambda rng, n: rng.uniform(size=n) + 1,
    "below zero": lambda rng, n: -rng.uniform(size=n),
    "tiny": lambda rng, n: rng.normal(size=n) * 1e-5,
}
K_TYPES = ("Q3_K", "Q4_K", "Q5_K", "Q6_K")


def numbers(kind: str, seed: int = 0, count: int = 1 << 14) -> Tensor:
    return torch.from_numpy(KINDS[kind](np.random.default_rng(seed), count).astype(np.float32))


def values(raw: np.ndarray, quant: str) -> Tensor:
    block = BLOCKS[quant]
    return decode(torch.from_numpy(raw), quant, torch.empty(raw.size // block.nbytes * block.elements))


def plain(x: Tensor, quant: str) -> Tensor:
    """The type's numbers by rounding alone: every scale is the one that reaches the largest value."""
    if quant in ("Q3_K", "Q6_K"):
        groups, low, most = x.view(-1, 16, 16), *{"Q3_K": (-4, 31), "Q6_K": (-32, 127)}[quant]
        peak = groups.gather(2, groups.abs().argmax(2, keepdim=True))
        scale = peak[..., 0] / low
        d = (scale.abs().amax(1, keepdim=True) / most).half().float()
        step = ((scale / d).round() * d)[..., None]
        return (step * (groups / step).round().clamp(low, -low - 1)).view(-1)
    groups, high = x.view(-1, 8, 32), 15 if quant == "Q4_K" else 31
    low = -groups.amin(2).clamp(max=0)
    scale = (groups.amax(2) + low) / high
    d, dmin = ((part.amax(1, keepdim=True) / 63).half().float() for part in (scale, low))
    step = ((scale / d).round() * d)[..., None]
    under = torch.where(dmin > 0, (low / dmin).round() * dmin, 0)[..., None]
    return (step * ((groups + under) / step).round().clamp(0, high) - under).view(-1)


def error(x: Tensor, y: Tensor) -> float:
    return float((x - y).double().square().nan_to_num(torch.inf).sum())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quant", K_TYPES)
def test_no_block_type_is_further_off_than_plain_rounding(quant, kind):
    x = numbers(kind)
    assert error(x, values(quantise(x, quant), quant)) <= error(x, plain(x, quant))


@pytest.mark.parametrize(
    ("quant", "snr_db"), [("Q3_K", 16.5), ("Q4_K", 22.5), ("Q5_K", 28.5), ("Q6_K", 34.5), ("Q8_0", 45.0)]
)
def test_normal_numbers_come_as_close_as_their_bits_allow(quant, snr_db):
    x = numbers("normal")
    found = 10 * np.log10(float(x.double().square().sum()) / error(x, values(quantise(x, quant), quant)))
    assert found > snr_db


@pytest.mark.parametrize("quant", ENCODERS)
@given(
    seed=st.integers(min_value=0),
    exponent=st.integers(min_value=-7, max_value=3),
    zeros=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_gguf_decodes_the_same_numbers(quant, seed, exponent, zeros):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=1024) * 10.0**exponent * (rng.uniform(size=1024) >= zeros)
    raw = quantise(torch.from_numpy(x.astype(np.float32)), quant)
    theirs = gguf.quants.dequantize(raw.reshape(-1, BLOCKS[quant].nbytes), gguf.GGMLQuantizationType[quant])
    ours = values(raw, quant)
    assert ours.isfinite().all()
    assert np.array_equal(ours.numpy(), theirs.reshape(-1))


@pytest.mark.parametrize("quant", ENCODERS)
def test_zeros_stay_zeros(quant):
    assert not values(quantise(torch.zeros(512), quant), quant).any()


@pytest.mark.parametrize("quant", ENCODERS)
def test_any_cut_into_chunks_gives_the_same_bytes(quant):
    x = numbers("normal", count=300_032 // 256 * 256)
    parts = [quantise(part, quant) for part in x.split(1 << 15)]
    assert np.array_equal(quantise(x, quant), np.concatenate(parts))
