"""Float32 to the stored type, with the same bits on the GPU and in Triton's interpreter.

The interpreter truncates to bfloat16; to e4m3 it neither saturates nor rounds ties to even, and it makes a
number of NaN (seen in Triton 3.6 to 3.9). Values are rounded to the type's grid first, so that the cast is
exact.
"""

import triton
import triton.language as tl


@triton.jit
def round_to(value, dtype: tl.constexpr, INTERPRETED: tl.constexpr):
    """value: float32. e4m3 saturates at 448; NaN stays NaN."""
    if dtype == tl.float8e4nv:
        rounded = _on_e4m3_grid(value).to(dtype)
        if INTERPRETED:
            bits = tl.where(value == value, rounded.to(tl.uint8, bitcast=True), 0x7F)
            rounded = bits.to(tl.uint8).to(dtype, bitcast=True)
        return rounded
    if dtype == tl.bfloat16 and INTERPRETED:
        bits = value.to(tl.int32, bitcast=True)
        value = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).to(tl.float32, bitcast=True)
    return value.to(dtype)


@triton.jit
def round_to_int8(value, zero):
    """value: float32, 0.0 becoming the code `zero`; saturates. NaN becomes `zero`, as int8 has none."""
    value = tl.where(value == value, value, 0.0)
    value = tl.minimum(tl.maximum(value, (-128 - zero).to(tl.float32)), (127 - zero).to(tl.float32))
    whole = (value + 12582912.0) - 12582912.0  # 1.5 * 2^23: ties go to even
    return (whole + zero.to(tl.float32)).to(tl.int8)


@triton.jit
def _on_e4m3_grid(value):
    """Adding and taking away 1.5 * 2^23 steps rounds to a whole number of steps, ties to even."""
    value = tl.where(value > 448.0, 448.0, tl.where(value < -448.0, -448.0, value))
    exponent = ((value.to(tl.int32, bitcast=True) >> 23) & 0xFF) - 127
    step = tl.maximum(exponent, -6) - 3
    magic = 1.5 * ((step + 23 + 127) << 23).to(tl.float32, bitcast=True)
    return (value + magic) - magic
