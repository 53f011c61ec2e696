"""How a clip's frames are cut in time: the first alone, then whole groups of 2^s."""


def padded_count(frames: int, factor: int) -> int:
    """The least valid frame count, factor * n + 1, that holds `frames` (at least 1)."""
    return -(-(frames - 1) // factor) * factor + 1


def latent_count(frames: int, factor: int) -> int:
    """Latents that `frames` frames give, the last group filled up."""
    return (padded_count(frames, factor) - 1) // factor + 1


def slice_frames(at_least: int, factor: int) -> int:
    """The least multiple of factor that is no less than `at_least`: the length of a later slice."""
    return max(1, -(-at_least // factor)) * factor
