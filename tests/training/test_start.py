"""Before any training the network is a block transform: a smooth clip comes back nearly as it was."""

import torch
from torch.nn import functional as F

from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network
from training.start import fit, start

CONFIG = VAEConfig(block_out_channels=(16, 32, 64, 64), norm_num_groups=4, layers_per_block=1)


def smooth_clips(count: int) -> torch.Tensor:
    """(B, 9, 32, 32, 3): soft blobs that change slowly."""
    coarse = torch.randn(count, 3, 3, 4, 4, generator=torch.Generator().manual_seed(count))
    fine = F.interpolate(coarse, (9, 32, 32), mode="trilinear", align_corners=True)
    return 0.4 * fine.permute(0, 2, 3, 4, 1)


def test_an_untrained_network_codes_smooth_clips_as_a_block_transform() -> None:
    net = Network(CONFIG).requires_grad_(False)
    start(net, CONFIG, fit(smooth_clips(32), 30, 16), noise=0.02, seed=1)
    clips = smooth_clips(4)
    moments, _ = net.encoder(clips.permute(0, 4, 1, 2, 3), None)
    result, _ = net.decoder(moments[:, :16], None)
    error = (result.permute(0, 2, 3, 4, 1) - clips).square().mean()
    assert -10 * torch.log10(error / 4) > 30
