"""A trained network becomes the file that is shipped: latents scaled to their spread, weights in float16."""

import json
from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.base.files import whole_file
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network
from seedvr2_cli.weights.identify import CONFIG_KEY
from seedvr2_cli.weights.write import TensorPlan, quant_for, write_gguf
from training import forward

CREDIT = (
    "Trained on Big Buck Bunny, (c) 2008 Blender Foundation, www.bigbuckbunny.org, CC BY 3.0, and on free "
    "pictures; training/MATERIAL.md in the source lists them"
)


@torch.no_grad()
def scale_latents(network: Network, config: VAEConfig, clips: list[Tensor]) -> Tensor:
    """Bring each channel of the mean to a spread of 1 / scaling_factor over clips (B, T, H, W, 3).

    The encoder's last conv takes a factor that the decoder's first one takes back, so frames stay as they
    are. Returns the spreads before.
    """
    z = config.latent_channels
    means = [forward.encode(network.encoder, clip)[..., :z].flatten(0, -2) for clip in clips]
    spread = torch.cat(means).std(0)
    factor = 1 / (spread * config.scaling_factor)
    out = network.encoder.conv_out
    out.weight[:z] *= factor.view(-1, 1, 1, 1, 1)
    out.bias[:z] *= factor
    out.bias[z:] += 2 * factor.log()  # logvar: the noise of training grew alike
    network.decoder.conv_in.weight /= factor.view(1, -1, 1, 1, 1)
    return spread


def write_model(path: Path, network: Network, config: VAEConfig, training: dict[str, object]) -> None:
    """Write the GGUF. training: facts about the run, kept in the file. Raises OutputError."""
    tensors = network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    plan = [TensorPlan(name, shape, quant_for(shape, "F16")) for name, shape in shapes.items()]
    metadata = {
        "general.name": "nano",
        "general.description": CREDIT,
        CONFIG_KEY: json.dumps(config.to_mapping()),
        "seedvr2.training": json.dumps(training),
    }
    with whole_file(path, overwrite=True) as temporary:
        write_gguf(temporary, plan, lambda name: tensors[name].detach().float(), metadata)
