"""Compile a call for a GPU that is not there, and say what the compiler made of it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.ops.on_triton.instruction import Instruction, instruction_of, matrix_instructions
from seedvr2_cli.ops.on_triton.launch import Call

TYPES = {
    torch.float16: "fp16",
    torch.bfloat16: "bf16",
    torch.float32: "fp32",
    torch.float8_e4m3fn: "fp8e4nv",
    torch.int8: "i8",
    torch.int32: "i32",
}


@dataclass(frozen=True)
class Report:
    """registers, stack_bytes: a thread's; spill_instructions: those that store to the stack or load from it
    (STL, LDL); shared_bytes: a program's; instruction: what multiplies; instructions: as PTX has them."""

    registers: int
    stack_bytes: int
    spill_instructions: int
    shared_bytes: int
    instruction: Instruction
    instructions: tuple[str, ...]


def compile_call(call: Call, capability: tuple[int, int]) -> Report:
    """Compile as for a device of this capability. The call's tensors may be on the meta device.

    Triton must not be in its interpreter. Its wheel brings assembler and disassembler; no driver is used.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    signature, constants, divisible = _specialise(call)
    source = ASTSource(call.kernel, signature, constants, divisible)
    target = GPUTarget("cuda", capability[0] * 10 + capability[1], 32)
    compiled = triton.compile(source, target=target, options=call.options)
    tools = Path(triton.__file__).parent / "backends/nvidia/bin"
    with TemporaryDirectory() as folder:
        cubin = Path(folder) / "kernel.cubin"
        cubin.write_bytes(compiled.asm["cubin"])
        usage = _output(tools / "cuobjdump", "-res-usage", cubin)
        listing = _output(tools / "nvdisasm", "-c", cubin)
    return Report(
        registers=int(_found(r"REG:(\d+)", usage)),
        stack_bytes=int(_found(r"STACK:(\d+)", usage)),
        spill_instructions=len(re.findall(r"\b(?:STL|LDL)\b", listing)),
        shared_bytes=compiled.metadata.shared,
        instruction=instruction_of(compiled.asm["ptx"]),
        instructions=matrix_instructions(compiled.asm["ptx"]),
    )


def _specialise(call: Call) -> tuple[dict[str, str], dict[str, Any], dict[tuple[int, ...], Any]]:
    """(types, constants, which are multiples of 16), as Triton's launcher specialises these arguments."""
    signature: dict[str, str] = {}
    constants: dict[str, Any] = {}
    divisible: dict[tuple[int, ...], Any] = {}
    for index, parameter in enumerate(call.kernel.params):
        value = call.arguments[parameter.name]
        by_value = isinstance(value, int) and not parameter.do_not_specialize
        if parameter.is_constexpr or value is None or (by_value and value == 1):
            signature[parameter.name] = "constexpr"
            constants[parameter.name] = value
            continue
        signature[parameter.name] = _type(value)
        if isinstance(value, Tensor) or (by_value and value % 16 == 0):
            divisible[(index,)] = [["tt.divisibility", 16]]
    return signature, constants, divisible


def _type(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"*{TYPES[value.dtype]}"
    if isinstance(value, int | float):
        return "i32" if isinstance(value, int) else "fp32"
    return f"tensordesc<{TYPES[value.base.dtype]}{value.block_shape}>".replace(" ", "")


def _output(tool: Path, option: str, file: Path) -> str:
    return subprocess.run([tool, option, file], capture_output=True, text=True, check=True).stdout


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"{pattern} is not in {text!r}"
    return match[1]
