"""What a file is, told from its tensors."""

from pathlib import Path

import pytest
import torch

from seedvr2_cli.weights.identify import FileKind, identify
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.write import TensorPlan, write_safetensors
from tests.weights.forge import save

FILES = {
    "image VAE": (
        {"encoder.conv_in.weight": (8, 3, 3, 3), "encoder.conv_in.bias": (8,)},
        FileKind.IMAGE_VAE,
        "an image VAE (its kernels are 4-D)",
    ),
    "half a VAE": ({"decoder.conv_out.weight": (3, 8, 3, 3, 3)}, FileKind.VAE, "a SeedVR2 video VAE"),
    "VAE with merged kernels": (
        {"encoder.conv_in.weight": (24, 3, 3, 3), "encoder.conv_in.bias": (8,)},
        FileKind.VAE,
        "a SeedVR2 video VAE",
    ),
    "3B": (
        {
            "blocks.0.attn.proj_qkv.vid.weight": (6, 2),
            "vid_in.proj.weight": (2, 132),
            "vid_out_norm.weight": (2,),
        },
        FileKind.DIT_3B,
        "a SeedVR2 transformer (3B)",
    ),
    "7B with a prefix": (
        {"model.diffusion_model.blocks.0.attn.proj_qkv.vid.weight": (6, 2)},
        FileKind.DIT_7B,
        "a SeedVR2 transformer (7B)",
    ),
    "a mean without metadata": ({"mean": (2, 1, 1, 1)}, FileKind.UNKNOWN, "tensors of no known model"),
}


@pytest.mark.parametrize("case", FILES)
def test_tensors_tell_what_a_file_is(tmp_path: Path, case: str) -> None:
    shapes, kind, text = FILES[case]
    path = save(tmp_path / "a.safetensors", {name: torch.zeros(shape) for name, shape in shapes.items()})
    with open_weights(path) as source:
        assert identify(source).kind is kind
        assert identify(source).text == text


@pytest.mark.parametrize("name", ["gg_flat_q4_0.gguf", "gg_origshape_mixed.gguf"])
def test_a_vae_is_one_in_any_form(data: Path, name: str) -> None:
    with open_weights(data / "weights" / name) as source:
        assert identify(source).kind is FileKind.VAE


def test_latents_say_so_in_their_metadata(tmp_path: Path) -> None:
    plan = [TensorPlan("mean", (4, 1, 2, 2), "F32")]
    write_safetensors(
        tmp_path / "a.safetensors", plan, lambda _: torch.zeros(4, 1, 2, 2), {"seedvr2.latents": "{}"}
    )
    with open_weights(tmp_path / "a.safetensors") as source:
        assert identify(source).text == "latents"
