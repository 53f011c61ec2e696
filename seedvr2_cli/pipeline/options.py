"""What a command was asked to do: one frozen value each, that checks itself. No torch."""

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

from seedvr2_cli.base.choices import (
    Codec,
    ColorMethod,
    Dtype,
    Fp8Policy,
    OnFull,
    Pad,
    ShotDetector,
    Tiling,
    View,
    WeightType,
)
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.units import say_size
from seedvr2_cli.color.strength import Strength
from seedvr2_cli.hub.places import FindOptions
from seedvr2_cli.pipeline.media_options import InputOptions, OutputOptions
from seedvr2_cli.plan.target import Target
from seedvr2_cli.plan.tiles import Tile

DEFAULT_TILE = (512, 512)
DEFAULT_OVERLAP = (64, 64)
DEFAULT_SEED = 42
_PLAIN = (WeightType.F32, WeightType.F16, WeightType.BF16)
_SAFETENSORS = (*_PLAIN, WeightType.E4M3)
_GGUF = tuple(word for word in WeightType if word is not WeightType.E4M3)
# suffix of a converted file -> the types it holds
WEIGHT_FORMATS = {
    ".gguf": _GGUF,
    ".safetensors": _SAFETENSORS,
    ".sft": _SAFETENSORS,
    ".pth": _PLAIN,
    ".pt": _PLAIN,
}
MAX_CRF = 63  # the longest scale, of AV1 and VP9; x264 and x265 end at 51


@dataclass(frozen=True, kw_only=True)
class Fp8Options:
    """How FP8 is used where it runs. convs: which convs it is for, as `vae.eight_bits.choose_convs` takes it.
    verify: look at the first slice of time before. min_psnr: dB against 16 bits below which the run goes on
    in 16 bits, or, if strict, stops."""

    convs: str = Fp8Policy.HIGH
    verify: bool = False
    min_psnr: float = 33.0
    strict: bool = False

    def __post_init__(self) -> None:
        if self.strict and not self.verify:
            raise UsageError("without --verify", where="--strict", do="give both")
        if not math.isfinite(self.min_psnr):
            raise UsageError(f"{self.min_psnr} is no number of dB", where="--min-psnr", do="give 33")


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which weights, and how they run. vae: a path or a name, None: the published one. find: where a name is
    looked for. config: a JSON file or a Hub repository; device: as torch names it. int8: the VAE's convs in
    integers, on a CPU where that is a gain."""

    vae: Path | str | None = None
    find: FindOptions = field(default_factory=FindOptions)
    config: str | None = None
    device: str = "auto"
    dtype: Dtype = Dtype.AUTO
    fp8: bool = False
    fp8_force: bool = False
    eight: Fp8Options = field(default_factory=Fp8Options)
    int8: bool = False

    def __post_init__(self) -> None:
        asked = "--fp8-force" if self.fp8_force else "--fp8"
        if self.int8 and (self.fp8 or self.fp8_force):
            raise UsageError(f"with {asked}", where="--int8", do="drop one")
        if (self.fp8 or self.fp8_force) and self.dtype is Dtype.FLOAT32:
            raise UsageError("with --dtype float32", where=asked, do="drop one: what is not FP8 has 16 bits")


@dataclass(frozen=True, kw_only=True)
class TileOptions:
    """Tile sizes and overlaps, (width, height) in pixels; None: not given; a size of 0: the whole side."""

    tiling: Tiling = Tiling.AUTO
    encode_size: tuple[int, int] | None = None
    encode_overlap: tuple[int, int] | None = None
    decode_size: tuple[int, int] | None = None
    decode_overlap: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        given = {
            "--encode-tile-size": self.encode_size,
            "--encode-tile-overlap": self.encode_overlap,
            "--decode-tile-size": self.decode_size,
            "--decode-tile-overlap": self.decode_overlap,
        }
        for name, value in given.items():
            if self.tiling is Tiling.OFF and value is not None and any(value):
                raise UsageError(f"{say_size(value)} with --tiling off", where=name, do="drop one of the two")
        _tile(self.encode_size, self.encode_overlap)
        _tile(self.decode_size, self.decode_overlap)

    @property
    def encode(self) -> Tile | None:
        """The encoder's overlapping tile; None: the whole frame, exactly."""
        return _tile(self.encode_size, self.encode_overlap) if self.tiling is Tiling.OVERLAP else None

    @property
    def decode(self) -> Tile | None:
        """The decoder's overlapping tile; None: the whole frame, exactly."""
        return _tile(self.decode_size, self.decode_overlap) if self.tiling is Tiling.OVERLAP else None

    @property
    def strip_rows(self) -> int | None:
        """Rows at a time that a tile size asks for where tiles are exact: the lower of the two heights."""
        given = [size[1] for size in (self.encode_size, self.decode_size) if size is not None and size[1]]
        return min(given, default=None) if self.tiling in (Tiling.AUTO, Tiling.EXACT) else None


@dataclass(frozen=True, kw_only=True)
class MemoryOptions:
    """How much memory a run may take above its model. budget: bytes, None: nine tenths of what is free.
    cache_folder: causal memory goes to files there where it does not fit. plan_only: say the plan, and stop.
    host_budget: bytes of host memory beside a card, None: nine tenths of what is free. codes_memory: causal
    memory in 8 bits, which is not exact.
    """

    budget: int | None = None
    cache_folder: Path | None = None
    plan_only: bool = False
    host_budget: int | None = None
    codes_memory: bool = False


@dataclass(frozen=True, kw_only=True)
class WorkOptions:
    """Where a long run keeps what it has finished. folder: None: beside the output, for runs that are long
    enough. restart: what is there is given up. on_full: what becomes of it when the disk is full."""

    folder: Path | None = None
    restart: bool = False
    on_full: OnFull = OnFull.STOP


@dataclass(frozen=True, kw_only=True)
class FrameJob:
    """A job whose frames are written: what it reads, its model, its output. output None: beside the input.

    compare: write before and after beside the output too.
    """

    input: Path
    model: ModelOptions
    tiles: TileOptions = field(default_factory=TileOptions)
    memory: MemoryOptions = field(default_factory=MemoryOptions)
    output: Path | None = None
    codec: Codec | None = None
    crf: int = 16
    pad_even: bool = False
    compare: View | None = None
    overwrite: bool = False
    reading: InputOptions = field(default_factory=InputOptions)
    writing: OutputOptions = field(default_factory=OutputOptions)
    work: WorkOptions = field(default_factory=WorkOptions)

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= MAX_CRF:
            raise UsageError(
                f"{self.crf} is outside 0 to {MAX_CRF}", where="--crf", do="0 is lossless, 16 fine"
            )


@dataclass(frozen=True, kw_only=True)
class DecodeOptions(FrameJob):
    """`decode`: a video, image or latent file goes through the VAE."""


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """Which transformer, and how it runs. dit: a path or a name, None: the best known that fits the machine.

    int8: the large products in 8-bit integers. blocks: how many keep their weights ready on the device, None:
    as many as fit.
    """

    dit: Path | str | None = None
    seed: int = DEFAULT_SEED
    steps: int = 1
    int8: bool = False
    blocks: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"{self.steps} steps are nothing", where="--steps", do="give 1, the trained way")
        if self.blocks is not None and self.blocks < 0:
            raise UsageError(f"{self.blocks} blocks", where="--blocks-on-gpu", do="give auto, or 0 or more")


@dataclass(frozen=True, kw_only=True)
class TimeOptions:
    """How a film is cut in time. cuts: a list of first frames in place of a detector.

    window: the most frames of a shot that go through the transformer at once, None: as many as fit. overlap:
    latents that two windows of a shot share.
    """

    detector: ShotDetector = ShotDetector.AUTO
    cuts: Path | None = None
    window: int | None = None
    overlap: int = 2

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise UsageError(f"{self.window} frames", where="--window", do="give auto, or 1 frame or more")
        if self.overlap < 0:
            raise UsageError(f"{self.overlap} latents", where="--overlap", do="give 0 or more")


@dataclass(frozen=True, kw_only=True)
class ColorOptions:
    """What becomes of restored frames before they are written."""

    method: ColorMethod = ColorMethod.AUTO
    strength: Strength = field(default_factory=Strength)


@dataclass(frozen=True, kw_only=True)
class UpscaleOptions(FrameJob):
    """`upscale`: a video or image is restored at a larger size. until: seconds of the source at which the run
    may stop, to go on later. preview: what is done so far lies beside the output as a film."""

    target: Target = field(default_factory=Target)
    pad: Pad = Pad.AUTO
    transformer: TransformerOptions = field(default_factory=TransformerOptions)
    time: TimeOptions = field(default_factory=TimeOptions)
    color: ColorOptions = field(default_factory=ColorOptions)
    until: Fraction | None = None
    preview: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.until is not None and self.until <= self.reading.start:
            what = f"{float(self.until):g} s is not after the start, {float(self.reading.start):g} s"
            raise UsageError(what, where="--until", do="give a later time")


@dataclass(frozen=True, kw_only=True)
class FilmOptions:
    """How pictures are prepared for the transformer, and what tells their shots."""

    target: Target = field(default_factory=Target)
    pad: Pad = Pad.AUTO
    time: TimeOptions = field(default_factory=TimeOptions)


@dataclass(frozen=True, kw_only=True)
class EncodeOptions:
    """`encode`: a video or image becomes a latent file. half: keep the latents in float16, not float32.

    film: prepare it as `upscale` does, None: as it is.
    """

    input: Path
    model: ModelOptions
    tiles: TileOptions = field(default_factory=TileOptions)
    memory: MemoryOptions = field(default_factory=MemoryOptions)
    output: Path | None = None
    half: bool = False
    film: FilmOptions | None = None
    overwrite: bool = False
    reading: InputOptions = field(default_factory=InputOptions)
    work: WorkOptions = field(default_factory=WorkOptions)


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """`convert`: a weight file of another format or type; output's suffix names the format.

    source: a path or a name. type: None keeps the types, and what is quantised becomes F16. native_5d: keep
    the five dimensions of kernels in a GGUF.
    """

    source: Path | str
    output: Path
    find: FindOptions = field(default_factory=FindOptions)
    config: str | None = None
    type: WeightType | None = None
    native_5d: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        suffix = self.output.suffix.lower()
        if suffix not in WEIGHT_FORMATS:
            do = f"name it {', '.join(WEIGHT_FORMATS)}"
            raise UsageError(f"{suffix or 'no suffix'} is no format of weights", where=self.output, do=do)
        if self.type is not None and self.type not in WEIGHT_FORMATS[suffix]:
            do = f"take {', '.join(WEIGHT_FORMATS[suffix])}"
            raise UsageError(f"{suffix} does not hold {self.type}", where="--type", do=do)
        if self.native_5d and (suffix != ".gguf" or self.type not in (None, *_PLAIN)):
            do = f"give a .gguf and --type {', '.join(_PLAIN)}"
            raise UsageError("five dimensions are for plain types in a GGUF", where="--native-5d", do=do)


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """`verify`: what FP8 makes of the first slice of a clip. output None: beside the input. start: seconds.

    layers: look at each conv alone too.
    """

    input: Path
    model: ModelOptions
    start: Fraction = Fraction(0)
    output: Path | None = None
    layers: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.output is not None and self.output.suffix.lower() != ".png":
            raise UsageError("is not named as a PNG", where=self.output, do="give -o NAME.png")


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """`compare`: how close b is to a. output None: beside b; sheet False: no contact sheet, numbers alone.

    html: a page to write. min_psnr: dB below which b is too far from a.
    """

    a: Path
    b: Path
    output: Path | None = None
    sheet: bool = True
    html: Path | None = None
    min_psnr: float | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.min_psnr is not None and not math.isfinite(self.min_psnr):
            raise UsageError(f"{self.min_psnr} is no number of dB", where="--min-psnr", do="give 40 or so")
        if self.output is not None and not self.sheet:
            raise UsageError("given with --no-sheet", where="-o", do="drop one of the two")
        if self.output is not None and self.output.suffix.lower() != ".png":
            raise UsageError("is not named as a PNG", where=self.output, do="give -o NAME.png")
        if self.html is not None and self.html.suffix.lower() not in (".html", ".htm"):
            raise UsageError("is not named as a page", where=self.html, do="give --html NAME.html")


@dataclass(frozen=True, kw_only=True)
class ShotsOptions:
    """`shots`: where the shots of a film begin. threshold: least score of a cut; None: the detector's own.

    output: the list that `--cuts` takes; None: none is written.
    """

    input: Path
    detector: ShotDetector = ShotDetector.AUTO
    threshold: float | None = None
    output: Path | None = None
    overwrite: bool = False
    reading: InputOptions = field(default_factory=InputOptions)

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            what = f"{self.threshold:g} is no score that a cut could reach"
            raise UsageError(what, where="--threshold", do="give a number above 0, at most 1")


def as_settings(options: Any) -> dict[str, Any]:
    """An options value as JSON holds it: paths and words as text."""
    return {key: _plain(value) for key, value in asdict(options).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path | StrEnum | Fraction) else value


def _tile(size: tuple[int, int] | None, overlap: tuple[int, int] | None) -> Tile:
    """What is not given is 512 and 64; the default overlap gives way to a small tile, a given one never."""
    chosen = size if size is not None else DEFAULT_TILE
    if overlap is None:
        width, height = (min(o, s // 2) if s else o for o, s in zip(DEFAULT_OVERLAP, chosen, strict=True))
        overlap = (width, height)
    return Tile(chosen, overlap)
