"""How time and memory grow with the size and the length of a clip: each in a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedvr2_cli.bench.alone import LoneJob, measure_alone

STEPS = 5
LATENT = 4  # frames that make one more latent


def grown(path: Path, dtype: str, device: str, size: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Records of encode and decode: five sizes of 5 frames, the largest `size`, and five lengths of the
    smallest of these."""
    clips = [(shape, 1 + LATENT) for shape in _sizes(size)]
    clips += [(_sizes(size)[0], 1 + LATENT * 2**k) for k in range(1, STEPS)]
    for job in ("encode", "decode"):
        for shape, frames in clips:
            taken = measure_alone(LoneJob(job, path, dtype, device, shape, frames))
            width, height = shape
            name = f"{job} {width}x{height}, {frames} frames"
            yield {"name": name, "dtype": dtype, "growth": True} | taken


def _sizes(largest: tuple[int, int]) -> list[tuple[int, int]]:
    """Five sizes whose areas are about 1 to 5 fifths of the largest, in multiples of 8."""
    width, height = largest
    return [
        (
            max(8, round(width * (k / STEPS) ** 0.5 / 8) * 8),
            max(8, round(height * (k / STEPS) ** 0.5 / 8) * 8),
        )
        for k in range(1, STEPS + 1)
    ]
