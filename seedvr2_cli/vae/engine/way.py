"""The ways a clip can be taken through the engine: the same frames for more or less memory."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a clip goes through. Every way gives the same frames, up to rounding, but for `codes_memory`.

    in_pairs: two frames at a time where the clip has them. strip_rows: rows of a frame at a time, None: what
    suits the device. stores_last: hold the last
    upsampler's output rather than computing it again where it is read. cache_folder: where files are made
    that hold the causal caches; None: they are in memory. parks: what wide convs remember lies beside the
    device, in host memory, where a frame's slot has at least so many bytes; None: on the device.
    codes_memory: it is held in 8 bits, which alone is not exact.
    """

    in_pairs: bool = True
    strip_rows: int | None = None
    stores_last: bool = True
    cache_folder: Path | None = None
    parks: int | None = None
    codes_memory: bool = False
