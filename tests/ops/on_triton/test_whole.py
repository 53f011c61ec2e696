"""The Triton convs as the engine takes them: held against plain torch, and in a whole VAE."""

import pytest
import torch

from seedvr2_cli.ops.emulated import Emulated
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.on_triton.whole import TritonConvs
from seedvr2_cli.ops.reference_convs import ReferenceConvs
from seedvr2_cli.ops.scales import CODE_TYPES, E4M3
from seedvr2_cli.ops.slot_convs import ConvChoice
from seedvr2_cli.ops.trial import try_convs
from seedvr2_cli.vae.eight_bits import choose_convs
from seedvr2_cli.vae.vae import VideoVAE
from tests.vae.conftest import recipe_vae, snr

pytestmark = [
    pytest.mark.triton,
    pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning"),
]

SMALL = {
    "latent_channels": 4,
    "block_out_channels": [8, 16, 16, 16],
    "norm_num_groups": 4,
    "layers_per_block": 1,
}


def with_choice(choice: ConvChoice, dtype: torch.dtype) -> VideoVAE:
    vae = recipe_vae(SMALL, 1, dtype=dtype)
    vae.engine.choice = choice
    return vae


@pytest.mark.parametrize("code", [None, *CODE_TYPES], ids=str)
def test_they_pass_the_trial_that_a_device_holds(code, device):
    truth = ReferenceConvs() if code is None else Emulated(PlainKernels(device), code)
    found = try_convs(TritonConvs(device, code), truth, torch.bfloat16, device, rates=lambda *_: 2.0)
    assert (found.ok, found.reason) == (True, "")


@pytest.mark.parametrize("latents", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_vae_in_16_bits_decodes_the_frames_of_the_summed_convs(latents, device):
    mean = torch.randn(1, 4, latents, 2, 3, generator=torch.Generator().manual_seed(0))
    plain = recipe_vae(SMALL, 1, dtype=torch.bfloat16).decode(mean)
    exact = recipe_vae(SMALL, 1).decode(mean)
    ours = with_choice(ConvChoice(whole=TritonConvs(device)), torch.bfloat16).decode(mean)
    assert snr(ours, exact) > snr(plain, exact) - 6  # at most twice the plain error


@pytest.mark.parametrize("latents", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_vae_in_fp8_decodes_the_frames_of_the_emulation(latents, device):
    mean = torch.randn(1, 4, latents, 2, 3, generator=torch.Generator().manual_seed(0))
    exact = recipe_vae(SMALL, 1).decode(mean)
    decoded = []
    for convs in (Emulated(PlainKernels(device), E4M3), TritonConvs(device, E4M3)):
        vae = recipe_vae(SMALL, 1, dtype=torch.bfloat16)
        vae.engine.choice = ConvChoice(eight=convs, chosen=choose_convs(vae.config, "fast"))
        decoded.append(vae.decode(mean))
    emulated, ours = decoded
    assert snr(ours, emulated) > snr(emulated, exact) + 3
