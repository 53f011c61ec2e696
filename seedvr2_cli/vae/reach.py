"""How far back in time each half of the network looks: its memory has an end.

Nothing but causal convs looks back: norms and attention see one frame. So a clip that is begun so many
latents early comes to the very bits of one that was never interrupted, and no causal cache need be kept (at
1080p that of the decoder is 14.3 GiB in 16 bits). tests/vae/test_reach.py holds it.
"""

from dataclasses import dataclass

from seedvr2_cli.vae.config import VAEConfig


@dataclass(frozen=True)
class Reach:
    """Latents before one that it, or its frames, still depend on; at least 1, since a clip's first latent
    stands for one frame alone."""

    encode: int
    decode: int


def reach_of(config: VAEConfig) -> Reach:
    """The reach of a network of this form: 28 and 37 for the published one."""
    return Reach(_encoder_frames(config), _decoder_frames(config))


def _encoder_frames(config: VAEConfig) -> int:
    """In latents. A map's frame stands for `step` frames of the film; a conv looks two of them back."""
    levels, step = len(config.block_out_channels), 1
    frames = 2  # conv_in
    for level in range(levels):
        frames += config.layers_per_block * 2 * 2 * step
        if level < levels - 1 and level >= levels - 1 - config.temporal_scale_num:
            frames += 2 * step
            step *= 2
    frames += (2 * 2 + 1) * 2 * step  # the middle's two blocks, conv_out
    return -(-frames // config.temporal_factor)


def _decoder_frames(config: VAEConfig) -> int:
    """In latents, as above. An upsampler that doubles time looks one frame of its input back."""
    levels, step = len(config.block_out_channels), config.temporal_factor
    frames = (1 + 2 * 2) * 2 * step  # conv_in, the middle's two blocks
    for level in range(levels):
        frames += (config.layers_per_block + 1) * 2 * 2 * step
        if level < levels - 1:
            doubles = level < config.temporal_scale_num
            frames += step if doubles else 2 * step
            step //= 2 if doubles else 1
    frames += 2 * step  # conv_out
    return -(-frames // config.temporal_factor)
