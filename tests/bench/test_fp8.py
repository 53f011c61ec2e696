"""`bench fp8`: its records and its table, with the emulation in place of a card's kernels."""

import json

import pytest
import torch

from seedvr2_cli.base.errors import DeviceError, UsageError
from seedvr2_cli.base.events import Silent
from seedvr2_cli.bench.fp8 import (
    Fp8BenchOptions,
    about,
    as_markdown,
    bench_fp8,
    clip_records,
    conv_records,
    matmul_tflops,
)
from seedvr2_cli.hub.find import NANO_VAE
from seedvr2_cli.ops.emulated import Emulated
from seedvr2_cli.ops.gate import Fp8, Gate
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.ops.scales import E4M3

CPU = torch.device("cpu")


@pytest.fixture
def emulation() -> Emulated:
    return Emulated(PlainKernels(CPU), E4M3)


def test_a_conv_is_timed_in_every_form_and_against_a_matmul(emulation, monkeypatch):
    monkeypatch.setattr("seedvr2_cli.bench.fp8.MATMUL", 64)
    device = probe_device("cpu")
    records = list(conv_records(device, torch.bfloat16, emulation, ((16, 8, 12),), rounds=2))
    assert records[0]["name"] == "matmul"
    assert [record["variant"] for record in records[1:]] == ["plain", "emulation FP8"]
    for record in records[1:]:
        assert record["name"] == "conv 16 ch, 12x8"
        assert record["ms"] > 0
        assert set(record) == {"name", "variant", "ms", "tflops", "share_of_matmul", "times_plain"}


def test_a_clip_goes_through_every_policy(emulation, tmp_path):
    options = Fp8BenchOptions(folder=tmp_path, sizes=((32, 32),), frames=5, rounds=1)
    records = list(clip_records(options, probe_device("cpu"), emulation, NANO_VAE))
    assert [(record["name"], record["variant"]) for record in records] == [
        (f"{job} 32x32, 5 frames", variant)
        for job in ("decode", "encode")
        for variant in ("16 bits", "FP8 high", "FP8 fast")
    ]
    assert all(record["ms_per_frame"] > 0 for record in records)


def test_the_table_can_be_pasted():
    gate = Gate(Fp8.ON, "sm_120 (Test Card), mma mxf8f6f4 e4m3 (full rate), Triton 3.7, 1.8 times 16 bits")
    records = [
        about(probe_device("cpu")) | {"name": "gate"} | gate.facts(),
        {"name": "conv 128 ch, 1920x1080", "variant": "plain", "ms": 4.2, "tflops": 87.1}
        | {"share_of_matmul": 0.51, "times_plain": 1.0},
        {"name": "decode 1280x720, 9 frames", "variant": "FP8 high", "ms_per_frame": 80.5}
        | {"times_16_bits": 1.9, "peak_bytes": 3 << 30},
    ]
    first, blank, *rows = as_markdown(records).splitlines()
    assert first.startswith(f"{gate.reason}; version ")
    assert blank == ""
    assert rows == [
        "| what | variant | ms | TFLOP/s | of the matmul peak | gain | peak MiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| conv 128 ch, 1920x1080 | plain | 4.2 | 87.1 | 51% | 1.0 |  |",
        "| decode 1280x720, 9 frames | FP8 high | 80.5 |  |  | 1.9 | 3072 |",
    ]


def test_where_fp8_does_not_run_the_reason_is_one_line(tmp_path):
    with pytest.raises(DeviceError) as caught:
        next(iter(bench_fp8(Fp8BenchOptions(folder=tmp_path, device="cpu"), Silent())))
    text = str(caught.value)
    assert text.startswith("bench fp8: ")
    assert text.endswith("the same numbers without the speed; see verify, which needs no FP8 units")


@pytest.mark.parametrize("wrong", [{"sizes": ((1280, 722),)}, {"frames": 8}, {"rounds": 0}])
def test_what_cannot_be_measured_is_refused(tmp_path, wrong):
    with pytest.raises(UsageError):
        Fp8BenchOptions(folder=tmp_path, **wrong)


def test_the_peak_of_a_matmul_is_a_rate():
    assert matmul_tflops(CPU, torch.float32, rounds=1, side=64) > 0
    json.dumps(about(probe_device("cpu")))
