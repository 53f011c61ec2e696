"""Compiled without a GPU, the kernels use the matrix units, spill nothing, and fit into shared memory.

By Triton 3.7.1, which torch 2.13's CUDA build brings; 3.6.0 and 3.9.0 were tried too, and 3.8.0 on 12.1.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seedvr2_cli.ops.scales import E4M3
from tests.ops.on_triton.calls import CAPABILITIES, MATMULS, PASSES, coded_rows, named

pytestmark = pytest.mark.triton

ROOT = Path(__file__).parents[3]
# what a program may take (spec/perf.md 1.1)
SHARED_KIB = {(12, 0): 99, (10, 0): 227, (9, 0): 227, (8, 9): 99, (8, 6): 99, (8, 0): 163}
IN_8_BITS = {
    E4M3: {
        (12, 0): "mma mxf8f6f4 e4m3 (full rate)",
        (10, 0): "tcgen05 f8f6f4",
        (9, 0): "wgmma e4m3",
        (8, 9): "mma.sync e4m3",
    },
    torch.int8: {
        (12, 0): "mma.sync s8",
        (10, 0): "mma.sync s8 (legacy rate)",  # tcgen05 with Triton 3.9
        (9, 0): "wgmma s8",
        (8, 9): "mma.sync s8",
        (8, 6): "mma.sync s8",
        (8, 0): "mma.sync s8",
    },
}


def compiled(tmp_path_factory, *arguments: str) -> dict[str, dict]:
    """What the compiler made of each call, by its name."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path_factory.mktemp("triton"))
    command = [sys.executable, "-W", "error", "-m", "tests.ops.on_triton.calls", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, dict]:
    return compiled(tmp_path_factory)


@pytest.fixture(scope="module")
def slow_reports(tmp_path_factory) -> dict[str, dict]:
    return compiled(tmp_path_factory, "slow")


def assert_fits(report: dict, capability: tuple[int, int]) -> None:
    """Nothing is spilled, and a program gets its shared memory."""
    assert (report["stack_bytes"], report["spill_instructions"]) == (0, 0)
    assert report["shared_bytes"] <= SHARED_KIB[capability] * 1024


@pytest.mark.parametrize("name", [*MATMULS, *PASSES])
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_nothing_spills_and_shared_memory_suffices(reports, capability, name):
    assert_fits(reports[named(capability, name)], capability)


@pytest.mark.parametrize("name", MATMULS)
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_the_matrix_units_multiply_16_bits_and_accumulate_in_float32(reports, capability, name):
    (instruction,) = reports[named(capability, name)]["instructions"]
    unit = "wgmma.mma_async" if capability == (9, 0) else "mma.sync"
    operand = "f16" if "float16" in name else "bf16"
    assert instruction.startswith(unit)
    assert f".f32.{operand}.{operand}" in instruction


@pytest.mark.parametrize(("capability", "dtype", "name"), coded_rows(slow=False))
def test_codes_are_multiplied_in_8_bits_without_spills(reports, capability, dtype, name):
    report = reports[named(capability, name, dtype)]
    assert_fits(report, capability)
    assert len(report["instructions"]) == 1
    assert report["instruction"]["words"] == IN_8_BITS[dtype][capability]


@pytest.mark.slow
@pytest.mark.parametrize(("capability", "dtype", "name"), coded_rows(slow=True))
def test_so_they_are_in_the_rarer_shapes_and_on_the_rarer_gpus(slow_reports, capability, dtype, name):
    test_codes_are_multiplied_in_8_bits_without_spills(slow_reports, capability, dtype, name)


def test_a_product_that_fell_back_to_16_bits_is_seen(reports):
    """The compiler makes a bfloat16 product of a scaled one on 9.0, without a word."""
    report = reports[named((9, 0), "scaled anyway")]
    assert report["instruction"] == {"words": "wgmma bf16", "bits": 16, "full_rate": True}


def test_a_launch_tells_what_it_runs(reports):
    """As on a GPU, by a driver that stands in for one: the same kernel as compiled for a table's row."""
    assert reports["launched on 12.0"] == "mma mxf8f6f4 e4m3 (full rate)"


# on 8.9 it does with Triton 3.6 and 3.7 alone: 3.8 and 3.9 take 150 to 164 registers there
@pytest.mark.parametrize("capability", [(12, 0), (9, 0)])
def test_a_plain_conv_leaves_room_for_two_programs_on_a_multiprocessor(reports, capability):
    for name in ("conv 128", "conv 256", "conv 512"):
        assert reports[named(capability, name)]["registers"] <= 128  # of 65,536, by 256 threads a program
