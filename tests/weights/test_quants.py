"""Dequantised blocks equal gguf's, bit for bit, for every row of the table."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from seedvr2_cli.weights.quants import BLOCKS, decode

GGUF_TYPES = [quant for quant in BLOCKS if quant.startswith(("Q", "BF"))]
FLOAT8 = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}


def same_bits(ours: torch.Tensor, theirs: np.ndarray) -> bool:
    """NaN equals NaN, whatever its payload."""
    expected = torch.from_numpy(np.ascontiguousarray(theirs, np.float32)).view(-1)
    ours = ours.float().view(-1)
    same = ours.view(torch.int32) == expected.view(torch.int32)
    return bool((same | (ours.isnan() & expected.isnan())).all())


def values(raw: np.ndarray, quant: str) -> torch.Tensor:
    block = BLOCKS[quant]
    out = torch.empty(raw.size // block.nbytes * block.elements, dtype=block.dtype)
    return decode(torch.from_numpy(raw), quant, out)


@pytest.mark.parametrize("quant", GGUF_TYPES)
def test_the_fixture_blocks_come_out_as_expected(data: Path, quant: str) -> None:
    blocks = load_file(data / "weights" / "quant_blocks.safetensors")
    assert same_bits(values(blocks[f"{quant}.raw"].reshape(-1), quant), blocks[f"{quant}.f32"])


@pytest.mark.parametrize("quant", GGUF_TYPES)
@given(seed=st.integers(min_value=0), blocks=st.integers(min_value=1, max_value=5))
def test_any_bytes_come_out_as_gguf_has_them(quant: str, seed: int, blocks: int) -> None:
    raw = np.random.default_rng(seed).integers(0, 256, blocks * BLOCKS[quant].nbytes, np.uint8)
    with np.errstate(all="ignore"):  # random scales overflow
        theirs = gguf.quants.dequantize(
            raw.reshape(blocks, BLOCKS[quant].nbytes), gguf.GGMLQuantizationType[quant]
        )
    assert same_bits(values(raw, quant), theirs)


@pytest.mark.parametrize("quant", GGUF_TYPES)
def test_a_tensor_larger_than_one_chunk_is_the_same(quant: str) -> None:
    count = 300_032 // BLOCKS[quant].elements
    block = np.random.default_rng(1).integers(0, 256, (count, BLOCKS[quant].nbytes), np.uint8)
    with np.errstate(all="ignore"):
        theirs = gguf.quants.dequantize(block, gguf.GGMLQuantizationType[quant])
    assert same_bits(values(block.reshape(-1), quant), theirs)


@pytest.mark.parametrize("quant", FLOAT8)
def test_all_float8_numbers_are_read(quant: str) -> None:
    raw = np.arange(256, dtype=np.uint8)
    assert same_bits(values(raw, quant), torch.from_numpy(raw).view(FLOAT8[quant]).float().numpy())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_target_type_is_filled_as_a_cast_would(dtype: torch.dtype) -> None:
    block = BLOCKS["Q6_K"]
    raw = np.random.default_rng(2).integers(0, 60, 40 * block.nbytes, np.uint8)
    out = torch.empty(40, block.elements, dtype=dtype)
    assert decode(torch.from_numpy(raw), "Q6_K", out) is out
    assert torch.equal(out.view(-1), values(raw, "Q6_K").to(dtype))
