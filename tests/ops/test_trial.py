"""A back end of whole convs is taken where it is right and faster, and else says why not."""

import pytest
import torch

from seedvr2_cli.base.errors import DeviceError
from seedvr2_cli.ops.emulated import Emulated
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.reference_convs import ReferenceConvs
from seedvr2_cli.ops.scales import E4M3
from seedvr2_cli.ops.trial import Trial, kept_gain, try_convs

CPU = torch.device("cpu")


class Wrong(ReferenceConvs):
    def fill(self, rows, affine, out, codes):
        super().fill(rows, affine, out, codes)
        out[0] *= 1.5


class NoNumbers(ReferenceConvs):
    def fill(self, rows, affine, out, codes):
        super().fill(rows, affine, out, codes)
        out[0, 0, 0] = float("nan")


class Broken(ReferenceConvs):
    def conv(self, weight, bias, slots, codes, dtype):
        raise RuntimeError("no kernel image is available\nfor execution")


class Uncompiled(ReferenceConvs):
    def conv(self, weight, bias, slots, codes, dtype):
        raise DeviceError("Triton cannot make a kernel: out of resource: shared memory")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_that_is_right_and_faster_is_taken(dtype):
    found = try_convs(ReferenceConvs(), ReferenceConvs(), dtype, CPU, rates=lambda *_: 1.7)
    assert found == Trial(True, gain=1.7)


@pytest.mark.parametrize(
    ("convs", "gain", "reason"),
    [
        (Broken(), 2.0, "it fails: no kernel image is available"),
        (Uncompiled(), 2.0, "it fails: Triton cannot make a kernel: out of resource: shared memory"),
        (NoNumbers(), 2.0, "its values are off by nan%"),
        (ReferenceConvs(), 0.83, "it is 0.83 times as fast as the plain convs"),
    ],
)
def test_one_that_fails_or_is_slower_says_so(convs, gain, reason):
    found = try_convs(convs, ReferenceConvs(), torch.float32, CPU, rates=lambda *_: gain)
    assert (found.ok, found.reason) == (False, reason)


def test_one_whose_values_are_wrong_is_not_timed():
    def never(*_):
        raise AssertionError("timed")

    found = try_convs(Wrong(), ReferenceConvs(), torch.float32, CPU, rates=never)
    assert not found.ok
    assert found.reason.startswith("its values are off by ")


def test_fp8_is_held_against_its_emulation():
    convs = Emulated(PlainKernels(CPU), E4M3)
    assert try_convs(convs, convs, torch.bfloat16, CPU, rates=lambda *_: 2.0).ok
    assert not try_convs(ReferenceConvs(), convs, torch.bfloat16, CPU, rates=lambda *_: 2.0).ok


def test_what_a_rate_was_is_kept_for_the_next_run(monkeypatch, tmp_path):
    asked = []

    def gain(*given):
        asked.append(given)
        return 1.5

    monkeypatch.setenv("SEEDVR2_CACHE", str(tmp_path))
    monkeypatch.setattr("seedvr2_cli.ops.trial.gain_of", gain)
    coded = Emulated(PlainKernels(CPU), E4M3)
    for convs in (coded, coded, ReferenceConvs()):
        assert kept_gain(convs, torch.bfloat16, PlainKernels(CPU)) == 1.5
    assert len(asked) == 2  # once for each arithmetic
