"""How work is cut changes nothing: tokens at a time, blocks kept or made again, 8-bit rows."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.device import Device
from seedvr2_cli.base.events import Silent
from seedvr2_cli.dit.config import DiTConfig, Variant
from seedvr2_cli.dit.limits import Choice
from seedvr2_cli.dit.load import load_onto
from seedvr2_cli.dit.model import DiT
from seedvr2_cli.ops.matrices import Arithmetic, check_arithmetic, make_matrix
from seedvr2_cli.ops.probe import probe_device
from tests.dit.conftest import noise, write_recipe

CONFIGS = {
    "3b": DiTConfig(Variant.B3, 48, 2, 24, 3, 1, 20),
    "7b": DiTConfig(Variant.B7, 48, 2, 24, 2, 2, 20),
}


@pytest.fixture(scope="module")
def device() -> Device:
    return probe_device("cpu")


@pytest.fixture(scope="module", params=["3b", "7b"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dit")
    return write_recipe(folder / "model.safetensors", CONFIGS[request.param], 3)


def load(device: Device, path: Path, dtype: torch.dtype = torch.float32, **how: object) -> DiT:
    return load_onto(device, path, Choice(dtype, "", **how), reporter=Silent())  # type: ignore[arg-type]


@settings(max_examples=10)
@given(tokens=st.integers(1, 3000), kept=st.integers(0, 4))
def test_tokens_at_a_time_and_kept_blocks_change_nothing(
    device: Device, path: Path, tokens: int, kept: int
) -> None:
    x, text = noise(1, "x", (3, 46, 58, 33)), noise(1, "text", (5, 20))
    whole = load(device, path, tokens=1 << 20)(x, text, 1000.0)
    cut = load(device, path, tokens=tokens, blocks=kept)(x, text, 1000.0)
    assert (cut - whole).abs().max() <= 3e-5 * whole.abs().max()


@pytest.mark.parametrize("how", [Arithmetic.INT8, Arithmetic.FP8])
@given(cut=st.integers(1, 39))
def test_no_row_of_an_8_bit_product_hangs_on_the_others(how: Arithmetic, cut: int) -> None:
    weight, x, bias = noise(2, "w", (32, 48)), noise(2, "x", (40, 48)), noise(2, "b", (32,))
    matrix = make_matrix(weight, bias, torch.bfloat16, how)
    whole = matrix(x.bfloat16())
    assert torch.equal(torch.cat([matrix(x[:cut].bfloat16()), matrix(x[cut:].bfloat16())]), whole)


def test_an_int8_product_larger_than_a_panel_is_whole() -> None:
    weight, x, bias = noise(2, "w", (1300, 48)), noise(2, "x", (600, 48)), noise(2, "b", (1300,))
    off = make_matrix(weight, bias, torch.float32, Arithmetic.INT8)(x) - (x @ weight.t() + bias)
    assert off.abs().max() < 0.5  # in every place: products are about 7 in size


@pytest.mark.parametrize(("how", "most"), [(Arithmetic.INT8, 0.02), (Arithmetic.FP8, 0.05)])
def test_8_bit_products_are_as_close_as_8_bits_allow(how: Arithmetic, most: float) -> None:
    assert check_arithmetic(torch.device("cpu"), torch.bfloat16, how) == ""
    weight, x, bias = noise(3, "w", (64, 96)), noise(3, "x", (40, 96)), noise(3, "b", (64,))
    exact = x @ weight.t() + bias
    off = make_matrix(weight, bias, torch.bfloat16, how)(x) - exact
    assert off.norm() / exact.norm() <= most


@pytest.mark.parametrize(("how", "least"), [(Arithmetic.INT8, 28.0), (Arithmetic.FP8, 20.0)])
def test_a_model_in_8_bits_stays_close_to_float32(
    device: Device, path: Path, how: Arithmetic, least: float
) -> None:
    x, text = noise(1, "x", (2, 20, 24, 33)), noise(1, "text", (5, 20))
    exact = load(device, path)(x, text, 1000.0)
    error = load(device, path, torch.bfloat16, how=how)(x, text, 1000.0) - exact
    assert 20 * torch.log10(exact.norm() / error.norm()) >= least
