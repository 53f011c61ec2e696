"""The words that options take."""

from enum import StrEnum


class Dtype(StrEnum):
    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Tiling(StrEnum):
    AUTO = "auto"  # off where the frame fits a tile, else overlap
    OVERLAP = "overlap"
    OFF = "off"


class Codec(StrEnum):
    X264 = "x264"
    FFV1 = "ffv1"


class View(StrEnum):
    """How before and after stand in one picture."""

    SIDE = "side"
    WIPE = "wipe"  # a line that moves across
    GRID = "grid"  # both, their difference, and a zoomed part
