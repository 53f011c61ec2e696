"""The device is probed, not believed."""

import pytest
import torch

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import DeviceError, UsageError
from seedvr2_cli.ops.gate import Fp8, fp8_gate
from seedvr2_cli.ops.probe import choose_dtype, probe_device


def device(kind="cpu", capability=None, **rates):
    names = tuple(sorted(rates, key=lambda name: -rates[name]))
    return Device(
        kind=kind,
        index=0,
        name="NVIDIA Test" if kind == "cuda" else "Test CPU",
        capability=capability,
        dtypes=names,
        total_bytes=None,
        free_bytes=None,
        rates=tuple((name, rates[name]) for name in names),
    )


def test_a_cpu_works_in_float32():
    found = probe_device("cpu")
    assert found.torch_name == "cpu"
    assert "float32" in found.dtypes
    assert dict(found.rates)[found.dtypes[0]] == 1


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", "", "cuda:-1"])
def test_a_word_that_is_no_device_is_a_usage_error(name):
    with pytest.raises(UsageError) as caught:
        probe_device(name)
    assert str(caught.value) == f"--device: {name!r} is no device; take auto, cpu, cuda, cuda:N or mps"


def test_cuda_in_a_torch_without_cuda_is_a_device_error(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    with pytest.raises(DeviceError) as caught:
        probe_device("cuda:1")
    assert str(caught.value) == (
        "--device cuda:1: this torch has no CUDA; install a CUDA build of torch, or take cpu"
    )


@pytest.mark.parametrize(
    ("found", "dtype", "why"),
    [
        (device(bfloat16=1, float32=0.5), torch.bfloat16, "2.0 times float32 in a probe"),
        (device(float32=1, bfloat16=0.3, float16=0.2), torch.float32, "bfloat16 is not faster in a probe"),
        (device(bfloat16=1, float32=0.95), torch.float32, "bfloat16 is not faster in a probe"),
        (device(float16=1, bfloat16=0.9, float32=0.3), torch.bfloat16, "3.0 times float32 in a probe"),
        (
            device("cuda", (12, 0), bfloat16=1, float16=0.9),
            torch.float16,
            "the 16-bit type closest to float32",
        ),
        (
            device("cuda", (7, 5), float32=1, bfloat16=0.9),
            torch.bfloat16,
            "the 16-bit type closest to float32",
        ),
    ],
)
def test_auto_takes_the_16_bit_type_that_works_and_is_faster(found, dtype, why):
    assert choose_dtype(found, Dtype.AUTO) == (dtype, why)


def test_a_type_that_does_not_work_is_refused():
    with pytest.raises(DeviceError) as caught:
        choose_dtype(device(float32=1), Dtype.FLOAT16)
    assert str(caught.value) == "--dtype: float16 does not work on Test CPU; take float32"


@pytest.mark.parametrize(
    ("found", "force", "reason"),
    [
        (device(float32=1), False, "Test CPU is a CPU: it has no FP8 matrix units"),
        (
            device("cuda", (8, 6)),
            False,
            "NVIDIA Test has compute capability 8.6: it has no FP8 matrix units",
        ),
        (
            device("cuda", (8, 9)),
            False,
            "NVIDIA Test has compute capability 8.9, not 12.0; --fp8-force asks for it there",
        ),
    ],
)
def test_the_gate_says_why_fp8_is_off(found, force, reason):
    gate = fp8_gate(found, force=force)
    assert (gate.state, gate.ok) == (Fp8.OFF, False)
    assert gate.line == f"FP8 off: {reason}"


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (device(float32=1), "Test CPU is a CPU"),
        (device("mps"), "Test CPU is an Apple GPU"),
        (device("cuda", (7, 5)), "NVIDIA Test has compute capability 7.5"),
        (device("cuda", (8, 6)), "NVIDIA Test has compute capability 8.6"),
    ],
)
def test_forced_where_there_are_no_units_the_gate_lets_it_be_emulated_and_says_so(found, what):
    gate = fp8_gate(found, force=True)
    assert (gate.state, gate.ok) == (Fp8.EMULATED, False)
    assert gate.line == (
        f"FP8 emulated: {what}: it has no FP8 matrix units; the same numbers without the speed"
    )
