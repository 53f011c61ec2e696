"""The embedded model: that it is there, what it is, and that it reconstructs video."""

import numpy as np
import pytest
import torch

from seedvr2_cli.compare.metrics import Tally
from seedvr2_cli.hub.find import NANO_VAE
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.load import load_vae
from seedvr2_cli.vae.vae import VideoVAE

LIMIT = 6_000_000  # bytes
FRAMES = 13


@pytest.fixture(scope="module")
def nano() -> VideoVAE:
    return load_vae("nano")


@pytest.fixture(scope="module")
def clip(data, ffmpeg: FFmpeg) -> np.ndarray:
    """(13, 120, 208, 3): the beginning of a clip that was never trained on."""
    with FrameReader(probe(data / "clips/Eyes_212x120.mp4", ffmpeg), ffmpeg) as reader:
        frames = [frame.pixels for frame, _ in zip(reader, range(FRAMES), strict=False)]
    return np.stack(frames)[:, :, :208]


def test_the_embedded_model_is_small_and_has_the_published_form(nano: VideoVAE) -> None:
    assert NANO_VAE.stat().st_size <= LIMIT
    assert nano.config == VAEConfig(
        block_out_channels=(16, 32, 64, 64), norm_num_groups=4, layers_per_block=1
    )


def test_its_latents_have_the_spread_that_the_factor_stands_for(nano: VideoVAE, clip: np.ndarray) -> None:
    mean = nano.encode(tensor(clip)).mean
    spread = float((mean * nano.config.scaling_factor).std())
    assert 0.6 < spread < 1.4


def test_a_clip_comes_back_as_the_same_picture(nano: VideoVAE, clip: np.ndarray) -> None:
    result = nano.decode(nano.encode(tensor(clip)).mean)[0].clamp(-1, 1)
    pictures = ((result + 1) * 127.5).round().byte().permute(1, 2, 3, 0).numpy()
    tally = Tally()
    for before, after in zip(clip, pictures, strict=True):
        tally.add(before, after)
    assert tally.score().psnr > 33.0


def tensor(clip: np.ndarray) -> torch.Tensor:
    """(1, 3, T, H, W) in [-1, 1]."""
    return torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
