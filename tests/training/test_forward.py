"""Training computes what the product computes, with the product's own modules."""

import shutil

import pytest
import torch

from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network

CONFIG = VAEConfig(block_out_channels=(16, 32, 48, 48), norm_num_groups=4, layers_per_block=1)
without_compiler = pytest.mark.skipif(
    not (shutil.which("c++") and shutil.which("ninja")), reason="needs a C++ compiler and ninja"
)
ROUNDING = 0.02  # of bfloat16 through both halves; a wrong tap or frame is above 0.1


@pytest.mark.slow
@without_compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_training_computes_what_the_product_computes() -> None:
    from training import forward

    net = Network(CONFIG).requires_grad_(False)
    torch.manual_seed(0)
    for name, parameter in net.named_parameters():
        if "norm" in name and name.endswith("weight"):
            parameter.fill_(1.0)
        else:
            parameter.normal_(0, parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.1)
    frames = torch.rand(2, 9, 24, 32, 3) * 2 - 1
    wanted, _ = net.encoder(frames.permute(0, 4, 1, 2, 3), None)
    moments = forward.encode(net.encoder, frames)
    assert off(moments, wanted) < ROUNDING
    latents = wanted[:, :16]
    wanted, _ = net.decoder(latents, None)
    assert off(forward.decode(net.decoder, latents.permute(0, 2, 3, 4, 1)), wanted) < ROUNDING


def off(got: torch.Tensor, wanted: torch.Tensor) -> float:
    """The error of got (B, T, H, W, C) as a part of wanted (B, C, T, H, W)."""
    return float((got.permute(0, 4, 1, 2, 3) - wanted).norm() / wanted.norm())


@pytest.mark.slow
@without_compiler
def test_the_fused_norm_has_the_gradients_of_torch() -> None:
    from training.norm_silu import norm_silu

    norm = torch.nn.GroupNorm(4, 16)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.normal_()
    x = torch.randn(2, 3, 6, 10, 16).bfloat16()
    above = torch.randn(2, 5, 6, 10, 16).bfloat16()
    results = []
    for fused in (True, False):
        norm.zero_grad()
        leaf = (x if fused else x.float()).clone().requires_grad_(True)
        y = norm_silu(leaf, norm, front=2) if fused else plain(leaf, norm)
        y.backward(above.to(y.dtype))
        results.append([y, leaf.grad, norm.weight.grad, norm.bias.grad])
    for got, wanted in zip(*results, strict=True):
        assert float((got.float() - wanted).detach().norm() / wanted.detach().norm()) < 0.01


def plain(x: torch.Tensor, norm: torch.nn.GroupNorm) -> torch.Tensor:
    """norm_silu by torch's operators."""
    pictures = x.flatten(0, 1).permute(0, 3, 1, 2)
    y = torch.nn.functional.silu(norm(pictures)).permute(0, 2, 3, 1).view_as(x)
    return torch.cat([y[:, :1], y[:, :1], y], 1)
