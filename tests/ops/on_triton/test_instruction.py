"""What multiplies in a kernel is read from its PTX, not believed."""

import pytest

from seedvr2_cli.ops.on_triton.instruction import instruction_of

SCALED = "mma.sync.aligned.m16n8k32.row.col.kind::mxf8f6f4.block_scale.scale_vec::1X.f32.e4m3.e4m3.f32.ue8m0"
E4M3 = "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32"
S8 = "mma.sync.aligned.m16n8k32.row.col.satfinite.s32.s8.s8.s32"
BF16 = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"


def ptx(target: str, *instructions: str) -> str:
    """As Triton writes it."""
    body = "".join(f"\t{instruction} {{ %r1 }}, {{ %r2 }}, {{ %r3 }};\n" for instruction in instructions)
    return f".version 8.8\n.target {target}\n.address_size 64\n{body}"


@pytest.mark.parametrize(
    ("target", "instruction", "words", "bits", "full_rate"),
    [
        ("sm_120a", SCALED, "mma mxf8f6f4 e4m3 (full rate)", 8, True),
        ("sm_120a", E4M3, "mma.sync e4m3 (legacy rate)", 8, False),
        ("sm_120a", S8, "mma.sync s8", 8, True),
        ("sm_120a", BF16, "mma.sync bf16", 16, True),
        ("sm_100a", "tcgen05.mma.cta_group::1.kind::f8f6f4", "tcgen05 f8f6f4", 8, True),
        ("sm_100a", "tcgen05.mma.cta_group::1.kind::i8", "tcgen05 i8", 8, True),
        ("sm_100a", "tcgen05.mma.cta_group::1.kind::f16", "tcgen05 f16", 16, True),
        ("sm_100a", S8, "mma.sync s8 (legacy rate)", 8, False),
        ("sm_90a", "wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3", "wgmma e4m3", 8, True),
        ("sm_90a", "wgmma.mma_async.sync.aligned.m64n128k32.s32.s8.s8", "wgmma s8", 8, True),
        ("sm_90a", "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16", "wgmma bf16", 16, True),
        ("sm_90a", "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", "mma.sync f16", 16, False),
        ("sm_89", E4M3, "mma.sync e4m3", 8, True),
        ("sm_86", S8, "mma.sync s8", 8, True),
        ("sm_80", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", "mma.sync tf32", 32, True),
    ],
)
def test_every_matrix_instruction_has_its_words(target, instruction, words, bits, full_rate):
    found = instruction_of(ptx(target, instruction, instruction))
    assert (found.words, found.bits, found.full_rate) == (words, bits, full_rate)
    assert found.in_8_bits is (bits == 8)


def test_a_kernel_that_multiplies_in_16_bits_too_is_not_in_8_bits():
    assert instruction_of(ptx("sm_120a", SCALED, BF16)).words == "mma.sync bf16"


def test_a_kernel_of_scalar_code_has_no_matrix_instruction():
    found = instruction_of(ptx("sm_75", "fma.rn.f32"))
    assert (found.words, found.in_8_bits, found.full_rate) == ("no matrix instruction", False, False)
