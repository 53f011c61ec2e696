"""The words that options take."""

from enum import StrEnum


class Dtype(StrEnum):
    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Tiling(StrEnum):
    AUTO = "auto"  # exact
    EXACT = "exact"
    OVERLAP = "overlap"
    OFF = "off"


class Codec(StrEnum):
    X264 = "x264"
    FFV1 = "ffv1"
