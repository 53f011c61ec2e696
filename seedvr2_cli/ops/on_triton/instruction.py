"""Which matrix instruction a compiled kernel holds, read from its PTX and said in words.

The compiler does not say when it replaces one: a scaled e4m3 product is a bfloat16 one on all but 12.x, and
e4m3 on 9.0 may become one of float16 (seen in Triton 3.6 to 3.9).
"""

import re
from dataclasses import dataclass

_MATRIX = re.compile(r"\b(?:mma\.sync|wgmma\.mma_async|tcgen05\.mma)[.\w:]*")
_TARGET = re.compile(r"^\.target sm_(\d+)", re.MULTILINE)
_BITS = {"e4m3": 8, "s8": 8, "f16": 16, "bf16": 16, "tf32": 32}
_TENSOR_MEMORY = {"f8f6f4": 8, "i8": 8, "f16": 16, "tf32": 32}  # tcgen05 names kinds, f16 for bfloat16 too


@dataclass(frozen=True)
class Instruction:
    """words: for a console line, as "mma mxf8f6f4 e4m3 (full rate)". bits: an operand's; 0 where the kernel
    has no matrix instruction. full_rate: the GPU has no faster one for this type, as far as PTX shows."""

    words: str
    bits: int
    full_rate: bool

    @property
    def in_8_bits(self) -> bool:
        return self.bits == 8


def matrix_instructions(ptx: str) -> tuple[str, ...]:
    """All of a kernel's, types included, each once."""
    return tuple(sorted(set(_MATRIX.findall(ptx))))


def instruction_of(ptx: str) -> Instruction:
    """What multiplies; of several instructions the one of the widest operands."""
    target = _TARGET.search(ptx)
    architecture = int(target[1]) if target else 0
    found = [_said(instruction, architecture) for instruction in matrix_instructions(ptx)]
    return max(found, key=lambda said: said.bits, default=Instruction("no matrix instruction", 0, False))


def _said(instruction: str, architecture: int) -> Instruction:
    parts = re.split(r"[.:]+", instruction)
    unit = {"mma": "mma.sync", "wgmma": "wgmma", "tcgen05": "tcgen05"}[parts[0]]
    known = _TENSOR_MEMORY if unit == "tcgen05" else _BITS
    operand = next((part for part in parts if part in known), "unknown")  # a result is f32 or s32
    bits = known.get(operand, 0)
    if "block_scale" in parts:
        return Instruction(f"mma {parts[parts.index('kind') + 1]} {operand} (full rate)", bits, True)
    # 9.0 and 10.x have their own instruction for everything, 12.x a scaled one for e4m3
    newer = 90 <= architecture < 120 or (architecture >= 120 and operand == "e4m3")
    if unit == "mma.sync" and newer and bits == 8:
        return Instruction(f"{unit} {operand} (legacy rate)", bits, False)
    return Instruction(f"{unit} {operand}", bits, unit != "mma.sync" or not newer)
