"""The gate's answer after a trial of its kernels, for every kind of outcome, without a GPU."""

import pytest

from seedvr2_cli.base.device import Device
from seedvr2_cli.ops.gate import FP8_UNITS, NO_CUDA, Found, Fp8, Gate, fp8_gate, int8_gate, tried

VERSIONS = {"torch": "2.13.0", "cuda": "13.0", "triton": "3.7"}


def card(capability: tuple[int, int] | None) -> Device:
    return Device("cuda" if capability else "cpu", 0, "Test Card", capability, ("bfloat16",), None, None, ())


def never() -> Found:
    raise AssertionError("tried")


@pytest.mark.parametrize("capability", sorted(FP8_UNITS))
def test_kernels_that_are_right_and_faster_turn_it_on(capability):
    gate = fp8_gate(card(capability), force=True)
    answer = tried(gate, card(capability), VERSIONS, lambda: Found("", "mma mxf8f6f4 e4m3 (full rate)", 1.83))
    assert answer.ok
    assert answer.line == (
        f"FP8 on: sm_{capability[0]}{capability[1]} (Test Card), mma mxf8f6f4 e4m3 (full rate), Triton 3.7, "
        "1.8 times 16 bits in a probe"
    )
    assert answer.facts() == {
        "ok": True,
        "state": "on",
        "reason": answer.reason,
        "instruction": "mma mxf8f6f4 e4m3 (full rate)",
        "versions": VERSIONS,
    }


@pytest.mark.parametrize(
    "problem",
    [
        "Triton is not installed; pip install 'seedvr2[cuda]'",
        "Triton 3.4 is older than 3.6, which comes with torch 2.10",
        "of its Triton kernel its values are off by 12%",
        "Triton makes mma.sync bf16 of its kernel, which does not multiply in FP8",
    ],
)
def test_kernels_that_cannot_be_taken_leave_16_bits_with_the_reason(problem):
    device = card((12, 0))
    answer = tried(fp8_gate(device, force=False), device, VERSIONS, lambda: Found(problem))
    assert (answer.state, answer.instruction, answer.products) == (Fp8.OFF, None, True)
    assert answer.line == f"FP8 off: Test Card has compute capability 12.0, but {problem}"


@pytest.mark.parametrize("capability", [None, (7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 1)])
def test_unforced_nothing_but_12_0_is_tried(capability):
    device = card(capability)
    answer = tried(fp8_gate(device, force=False), device, VERSIONS, never)
    assert answer.state is Fp8.OFF
    assert answer.versions == VERSIONS


def test_a_card_that_this_torch_does_not_see_is_a_reason_of_its_own():
    assert fp8_gate(card(None), force=False, hidden_card=True) == Gate(Fp8.OFF, NO_CUDA)


def test_int8_needs_an_rtx_30():
    gate = int8_gate(card((7, 5)))
    assert tried(gate, card((7, 5)), VERSIONS, never).line == (
        "INT8 off: Test Card has compute capability 7.5: the int8 kernels need 8.0, an RTX 30"
    )


@pytest.mark.parametrize("capability", [(8, 0), (8, 6), (8, 9), (9, 0), (12, 0)])
def test_int8_that_is_right_and_faster_is_turned_on(capability):
    device = card(capability)
    answer = tried(int8_gate(device), device, VERSIONS, lambda: Found("", "mma.sync s8", 1.92))
    assert answer.ok
    assert answer.line == (
        f"INT8 on: sm_{capability[0]}{capability[1]} (Test Card), mma.sync s8, Triton 3.7, "
        "1.9 times 16 bits in a probe"
    )
