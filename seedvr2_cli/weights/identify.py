"""What a file is, told from its tensors; its name counts for nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from seedvr2_cli.weights.source import TensorSource, TensorSpec

LATENTS_KEY = "seedvr2.latents"  # metadata of a latent file
CONFIG_KEY = "seedvr2.vae.config"  # metadata of a VAE file: JSON with the published names


class FileKind(StrEnum):
    VAE = "vae"
    DIT_3B = "dit-3b"
    DIT_7B = "dit-7b"  # the sharp one has the same names and shapes
    LATENTS = "latents"
    IMAGE_VAE = "image-vae"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Identity:
    """kind, and what such a file holds in words: `a SeedVR2 transformer (3B)`."""

    kind: FileKind
    text: str


_TEXTS = {
    FileKind.VAE: "a SeedVR2 video VAE",
    FileKind.DIT_3B: "a SeedVR2 transformer (3B)",
    FileKind.DIT_7B: "a SeedVR2 transformer (7B)",
    FileKind.LATENTS: "latents",
    FileKind.IMAGE_VAE: "an image VAE (its kernels are 4-D)",
    FileKind.UNKNOWN: "tensors of no known model",
}


def identify(source: TensorSource) -> Identity:
    """Tell what an open file is; one that has lost some tensors of a VAE is still a VAE."""
    kind = _kind(source.specs, source.metadata)
    return Identity(kind, _TEXTS[kind])


def _kind(specs: Mapping[str, TensorSpec], metadata: Mapping[str, str]) -> FileKind:
    # spec/vae.md 5.1, spec/dit.md 1.3
    if "mean" in specs and LATENTS_KEY in metadata:
        return FileKind.LATENTS
    if "vid_in.proj.weight" in specs or any(name.startswith("blocks.0.attn.proj_qkv") for name in specs):
        return FileKind.DIT_3B if "vid_out_norm.weight" in specs else FileKind.DIT_7B
    if "encoder.conv_in.weight" in specs or "decoder.conv_out.weight" in specs:
        return FileKind.IMAGE_VAE if _has_image_kernels(specs) else FileKind.VAE
    return FileKind.UNKNOWN


def _has_image_kernels(specs: Mapping[str, TensorSpec]) -> bool:
    """True for (O, I, h, w); a 5-D kernel stored as (O * I, t, h, w) has more rows than its bias."""
    for name in ("encoder.conv_in", "decoder.conv_out"):
        kernel, bias = specs.get(f"{name}.weight"), specs.get(f"{name}.bias")
        if kernel and len(kernel.shape) == 4 and (bias is None or kernel.shape[0] == bias.numel):
            return True
    return False
