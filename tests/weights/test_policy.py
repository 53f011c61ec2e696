"""Which type each tensor gets."""

import pytest

from seedvr2_cli.base.choices import WeightType
from seedvr2_cli.weights.identify import FileKind
from seedvr2_cli.weights.policy import kept_type, type_for

KERNEL = (128, 128, 3, 3, 3)


@pytest.mark.parametrize(
    ("name", "shape", "stored", "quant"),
    [
        ("decoder.up_blocks.0.resnets.0.conv1.weight", KERNEL, "F16", "Q4_K"),
        ("decoder.mid_block.attentions.0.to_q.weight", (512, 512), "F32", "Q4_K"),
        ("decoder.conv_in.weight", (512, 16, 3, 3, 3), "F16", "F16"),
        ("encoder.conv_out.weight", (32, 512, 3, 3, 3), "F32", "F16"),
        ("decoder.conv_norm_out.weight", (128,), "F32", "F16"),
        ("decoder.conv_norm_out.bias", (128,), "BF16", "BF16"),
        ("decoder.up_blocks.0.resnets.0.conv1.weight", (3, 5, 3, 3, 3), "F16", "F16"),  # fills no block
    ],
)
def test_of_a_vae_all_but_vectors_and_ends_is_quantised(name, shape, stored, quant):
    assert type_for(name, shape, stored, WeightType.Q4_K, FileKind.VAE) == quant


@pytest.mark.parametrize("wanted", [WeightType.Q8_0, WeightType.E4M3])
@pytest.mark.parametrize(
    ("name", "shape", "quantised"),
    [
        ("blocks.3.attn.proj_qkv.all.weight", (7680, 2560), True),
        ("blocks.3.attn.norm_q.all.weight", (128,), False),
        ("blocks.3.ada.all.attn_shift", (2560,), False),
        ("vid_in.proj.weight", (2560, 132), False),
        ("emb_in.proj_hid.weight", (2560, 2560), False),
        ("positive_conditioning", (58, 5120), False),
    ],
)
def test_of_a_transformer_the_matrices_in_its_blocks_are(name, shape, quantised, wanted):
    expected = {WeightType.Q8_0: "Q8_0", WeightType.E4M3: "F8_E4M3"}[wanted] if quantised else "F16"
    assert type_for(name, shape, "F16", wanted, FileKind.DIT_3B) == expected


@pytest.mark.parametrize("wanted", [WeightType.F32, WeightType.F16, WeightType.BF16])
def test_a_plain_type_is_for_all(wanted):
    assert type_for("decoder.conv_in.bias", (3,), "F32", wanted, FileKind.VAE) == wanted


@pytest.mark.parametrize(
    ("stored", "blocks", "quant"),
    [
        ("F32", False, "F32"),
        ("BF16", True, "BF16"),
        ("F64", True, "F32"),
        ("Q4_K", True, "Q4_K"),
        ("Q4_K", False, "F16"),
        ("F8_E4M3", False, "F16"),
    ],
)
def test_without_a_type_what_can_be_kept_is(stored, blocks, quant):
    assert kept_type(stored, blocks=blocks) == quant
