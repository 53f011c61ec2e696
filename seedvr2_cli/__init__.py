"""seedvr2: SeedVR2, its video VAE and its transformer, on the command line and in Python.

    from seedvr2_cli import load_vae

    vae = load_vae("ema_vae_fp16.gguf", device="cpu", dtype="float32")
    latents = vae.encode(frames).mean  # frames (B, 3, T, H, W) in [-1, 1], T = 4n + 1
    frames = vae.decode(latents)

    from seedvr2_cli import load_dit, one_step

    dit = load_dit("seedvr2_ema_3b_fp16.safetensors", device="cpu", dtype="bfloat16")
    velocity = dit(x, text, t=1000.0)  # x (T, H, W, 33), text (L, 5120); velocity (T, H, W, 16)
    latent = one_step(dit, noise, condition)  # all (T, H, W, 16), scaled

Importing this loads no torch: the names below are looked up when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seedvr2_cli._version import __version__

if TYPE_CHECKING:
    from seedvr2_cli.base.errors import SeedVR2Error
    from seedvr2_cli.dit.config import DiTConfig
    from seedvr2_cli.dit.load import load_dit
    from seedvr2_cli.dit.model import DiT
    from seedvr2_cli.dit.step import one_step
    from seedvr2_cli.plan.tiles import Tile
    from seedvr2_cli.vae.config import VAEConfig
    from seedvr2_cli.vae.engine.way import Way
    from seedvr2_cli.vae.load import load_vae
    from seedvr2_cli.vae.posterior import Posterior
    from seedvr2_cli.vae.vae import VideoVAE

__all__ = [
    "DiT",
    "DiTConfig",
    "Posterior",
    "SeedVR2Error",
    "Tile",
    "VAEConfig",
    "VideoVAE",
    "Way",
    "__version__",
    "load_dit",
    "load_vae",
    "one_step",
]

_HOMES = {
    "DiT": "seedvr2_cli.dit.model",
    "DiTConfig": "seedvr2_cli.dit.config",
    "Posterior": "seedvr2_cli.vae.posterior",
    "SeedVR2Error": "seedvr2_cli.base.errors",
    "Tile": "seedvr2_cli.plan.tiles",
    "VAEConfig": "seedvr2_cli.vae.config",
    "VideoVAE": "seedvr2_cli.vae.vae",
    "Way": "seedvr2_cli.vae.engine.way",
    "load_dit": "seedvr2_cli.dit.load",
    "load_vae": "seedvr2_cli.vae.load",
    "one_step": "seedvr2_cli.dit.step",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
