"""Compiled without a GPU, the kernels use the matrix units, spill nothing, and fit into shared memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.on_triton.calls import CAPABILITIES, MATMULS, PASSES, named

pytestmark = pytest.mark.triton

ROOT = Path(__file__).parents[3]
SHARED_KIB = {(12, 0): 99, (9, 0): 227, (8, 9): 99}  # what a program may take (spec/perf.md 1.1)


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, dict]:
    """What the compiler made of each call, for each capability."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path_factory.mktemp("triton"))
    command = [sys.executable, "-W", "error", "-m", "tests.ops.on_triton.calls"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*MATMULS, *PASSES])
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_nothing_spills_and_shared_memory_suffices(reports, capability, name):
    report = reports[named(capability, name)]
    assert (report["stack_bytes"], report["spill_instructions"]) == (0, 0)
    assert report["shared_bytes"] <= SHARED_KIB[capability] * 1024


@pytest.mark.parametrize("name", MATMULS)
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_the_matrix_units_multiply_16_bits_and_accumulate_in_float32(reports, capability, name):
    (instruction,) = reports[named(capability, name)]["instructions"]
    unit = "wgmma.mma_async" if capability == (9, 0) else "mma.sync"
    operand = "f16" if "float16" in name else "bf16"
    assert instruction.startswith(unit)
    assert f".f32.{operand}.{operand}" in instruction


# on 8.9 it does with Triton 3.6 and 3.7 alone: 3.8 and 3.9 take 150 to 164 registers there
@pytest.mark.parametrize("capability", [(12, 0), (9, 0)])
def test_a_plain_conv_leaves_room_for_two_programs_on_a_multiprocessor(reports, capability):
    for name in ("conv 128", "conv 256", "conv 512"):
        assert reports[named(capability, name)]["registers"] <= 128  # of 65,536, by 256 threads a program
