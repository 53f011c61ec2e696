"""The words that options take."""

from enum import StrEnum


class Dtype(StrEnum):
    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Fp8Policy(StrEnum):
    HIGH = "high"  # the ResNet convs of the two stages of the highest resolution
    FAST = "fast"  # all 3x3x3 convs and upsamplers


class Tiling(StrEnum):
    AUTO = "auto"  # exact
    EXACT = "exact"
    OVERLAP = "overlap"
    OFF = "off"


class Codec(StrEnum):
    X264 = "x264"
    X265 = "x265"
    SVTAV1 = "svtav1"
    VP9 = "vp9"
    FFV1 = "ffv1"
    PRORES = "prores"
    UTVIDEO = "utvideo"
    QTRLE = "qtrle"
    PNG = "png"
    H264_NVENC = "h264_nvenc"
    HEVC_NVENC = "hevc_nvenc"
    AV1_NVENC = "av1_nvenc"


class WeightType(StrEnum):
    """Types of a converted file. The Q types are for GGUF; e4m3, with scales, for a safetensors file."""

    F32 = "F32"
    F16 = "F16"
    BF16 = "BF16"
    Q8_0 = "Q8_0"
    Q6_K = "Q6_K"
    Q5_K = "Q5_K"
    Q5_1 = "Q5_1"
    Q5_0 = "Q5_0"
    Q4_K = "Q4_K"
    Q4_1 = "Q4_1"
    Q4_0 = "Q4_0"
    Q3_K = "Q3_K"
    E4M3 = "E4M3"


class View(StrEnum):
    """How before and after stand in one picture."""

    SIDE = "side"
    WIPE = "wipe"  # a line that moves across
    GRID = "grid"  # both, their difference, and a zoomed part


class PipeFormat(StrEnum):
    Y4M = "y4m"
    NUT = "nut"
    RAW = "raw"


class OnError(StrEnum):
    STOP = "stop"
    KEEP = "keep"  # what could be read of a damaged input is enough


class OnFull(StrEnum):
    STOP = "stop"  # the same command goes on later
    WAIT = "wait"


class ShotDetector(StrEnum):
    AUTO = "auto"  # TransNetV2 where it is installed
    TRANSNET = "transnet"
    SCENE = "scene"


class Pad(StrEnum):
    """What stands beside and below a picture where the transformer needs more."""

    AUTO = "auto"  # reflected, then black rows: the best measured
    BLACK = "black"  # as the public tools do
    REFLECT = "reflect"


class ColorMethod(StrEnum):
    """How the input's color is given back to the restored frames."""

    AUTO = "auto"  # transfer
    TRANSFER = "transfer"
    WAVELET = "wavelet"
    WAVELET_ADAPTIVE = "wavelet_adaptive"
    LAB = "lab"
    ADAIN = "adain"
    HSV = "hsv"
    OFF = "off"


class BenchCase(StrEnum):
    """What `bench vae` measures."""

    LOAD = "load"
    CONV = "conv"
    STAGE = "stage"
    SLICE = "slice"
    CLIP = "clip"
    GROWTH = "growth"  # over sizes and lengths
