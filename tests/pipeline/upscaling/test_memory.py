"""What stays in memory between two windows, and what is given back."""

import pytest
import torch

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.errors import UsageError, WeightsError
from seedvr2_cli.ops.matrices import Arithmetic
from seedvr2_cli.ops.matrix_probe import gain_of
from seedvr2_cli.ops.on_cpu.heap import give_back
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.doctor import doctor
from seedvr2_cli.pipeline.options import ModelOptions, TransformerOptions
from seedvr2_cli.pipeline.upscaling.transformer import Settled, load_transformer
from seedvr2_cli.vae.load import load_vae


@pytest.fixture
def transformer(tiny_dit, lines):
    """The tiny model, whose float32 weights must be made over to be used in bfloat16."""

    def load(**how):
        model, options = ModelOptions(dtype=Dtype.BFLOAT16), TransformerOptions(dit=tiny_dit, **how)
        return load_transformer(probe_device("cpu"), None, model, options, lines)

    return load


BLOCK = 100_000  # bytes of a block in 16 bits, about


@pytest.mark.parametrize(
    ("how", "room", "passes", "kept"),
    [
        ({}, 1 << 30, 1, 0),
        ({}, 1 << 30, 2, 4),
        ({"steps": 2}, 1 << 30, 1, 4),
        ({}, 1 << 10, 2, 0),
        ({}, None, 2, 0),
        ({"blocks": 3}, 0, 1, 3),
    ],
)
def test_weights_stay_ready_where_they_are_used_again(how, room, passes, kept, transformer, lines):
    model = transformer(**how)
    settled = model.settle(room, passes, lines)
    assert model.facts()["limits"]["blocks"] == kept
    assert (settled.kept > 0) == (kept > 0)
    assert (settled.passing > 0) == (kept < 4)
    assert settled.kept < (kept + 1) * 2 * BLOCK
    said = "all 4 stay ready" if kept == 4 else f"{kept} of 4 stay ready"
    assert lines.said[-1].startswith(f"[DiT Loader] Blocks: {said}")


def test_what_is_kept_changes_no_value(transformer, lines):
    noise, condition = (torch.randn(2, 6, 6, 16, generator=torch.Generator().manual_seed(k)) for k in (1, 2))
    results = []
    for room in (0, 1 << 30):
        model = transformer()
        assert model.settle(room, 2, lines) != Settled()
        results += [model.restore(noise, condition, lambda: None) for _ in range(2)]
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize(
    ("gain", "said"), [(1.1, "Products: bfloat16: int8 is 1.10 times as fast here"), (2.0, "")]
)
def test_8_bits_are_taken_where_they_are_a_gain(gain, said, transformer, lines, monkeypatch):
    monkeypatch.setattr("seedvr2_cli.pipeline.upscaling.transformer.gain_of", lambda *given: gain)
    transformer(int8=True)
    chosen = "Products: int8 for the matrices of the blocks, checked against float32"
    assert any((said or chosen) in line for line in lines.said)
    assert any(chosen in line for line in lines.said) == (not said)


def test_the_gain_is_measured_once_and_doctor_shows_it(transformer, lines, monkeypatch, tmp_path):
    monkeypatch.setenv("SEEDVR2_CACHE", str(tmp_path))
    gains = iter([1.5])
    monkeypatch.setattr("seedvr2_cli.pipeline.upscaling.transformer.gain_of", lambda *given: next(gains))
    transformer(int8=True)
    transformer(int8=True)
    (file,) = (tmp_path / "verdicts").iterdir()
    (shown,) = (check["text"] for check in doctor("cpu").facts["checks"] if check["name"] == "probes kept")
    assert shown == f"int8 products against bfloat16: 1.50 times as fast; remove {file} to measure again"


def test_the_gain_is_a_ratio_of_times():
    for how in (Arithmetic.PLAIN, Arithmetic.INT8):
        assert 0.05 < gain_of(torch.device("cpu"), torch.bfloat16, how) < 50


def test_no_steps_and_no_blocks_are_refused():
    with pytest.raises(UsageError, match="--steps"):
        TransformerOptions(steps=0)
    with pytest.raises(UsageError, match="--blocks-on-gpu"):
        TransformerOptions(blocks=-1)


def test_a_dropped_encoder_leaves_the_decoder(tiny_vae):
    vae = load_vae(tiny_vae)
    x = torch.rand(1, 3, 5, 16, 16) * 2 - 1
    mean = vae.encode(x).mean
    wanted = vae.decode(mean)
    vae.drop_encoder()
    assert torch.equal(vae.decode(mean), wanted)
    with pytest.raises(WeightsError, match="the encoder was given up; load the VAE again"):
        vae.encode(x)


def test_giving_back_asks_where_there_is_somebody_to_ask(monkeypatch):
    give_back()

    def none(name):
        raise TypeError

    monkeypatch.setattr("ctypes.CDLL", none)
    assert give_back() is False
