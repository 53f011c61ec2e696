"""Every option, declared once under the name it has in all commands."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import (
    Codec,
    ColorMethod,
    Dtype,
    OnError,
    OnFull,
    Pad,
    PipeFormat,
    ShotDetector,
    Tiling,
    View,
)
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.units import parse_bytes, parse_rate, parse_size, parse_time
from seedvr2_cli.pipeline.media_options import InputOptions, OutputOptions, parse_raw_form
from seedvr2_cli.pipeline.options import (
    FindOptions,
    Fp8Options,
    MemoryOptions,
    ModelOptions,
    Target,
    TileOptions,
)

_MODEL, _TILES, _INPUT, _OUTPUT, _RUN = "Model", "Tiles", "Input", "Output", "Run"
_PICTURE, _TIME = "Picture", "Time"
_MAX_DIGITS = 9

Vae = Annotated[
    str | None,
    typer.Option(
        "--vae",
        metavar="NAME|FILE",
        help="VAE weights: GGUF, safetensors or .pth, or a name that `models list` shows.  "
        "Not given: ema_vae_fp16.",
        rich_help_panel=_MODEL,
    ),
]
Dit = Annotated[
    str | None,
    typer.Option(
        "--dit",
        metavar="NAME|FILE",
        help="Transformer weights: safetensors, GGUF or .pth, or a name that `models list` shows.  "
        "Not given: the best known one that fits this machine.",
        rich_help_panel=_MODEL,
    ),
]
Int8 = Annotated[
    bool,
    typer.Option(
        "--int8", help="The transformer's large products in 8-bit integers.", rich_help_panel=_MODEL
    ),
]
Int8Convs = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="Convs in 8-bit integers, those of --fp8-convs, where a probe finds that a gain.",
        rich_help_panel=_MODEL,
    ),
]
BlocksOnGpu = Annotated[
    str,
    typer.Option(
        "--blocks-on-gpu",
        metavar="auto|N",
        help="Blocks of the transformer that stay on the device; the others come from memory on every pass.",
        rich_help_panel=_MODEL,
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="Of the noise: same seed, same frames.", rich_help_panel=_MODEL)
]
Steps = Annotated[
    int,
    typer.Option("--steps", help="Of the transformer, which was trained for 1.", rich_help_panel=_MODEL),
]
Resolution = Annotated[
    int | None,
    typer.Option("--resolution", metavar="PIXELS", help="Of the short side: 1080.", rich_help_panel=_PICTURE),
]
Scale = Annotated[
    float | None,
    typer.Option(
        "--scale", metavar="FACTOR", help="Of both sides.  Neither given: 2.", rich_help_panel=_PICTURE
    ),
]
MaxResolution = Annotated[
    int | None,
    typer.Option(
        "--max-resolution",
        metavar="PIXELS",
        help="The most that the long side may have.",
        rich_help_panel=_PICTURE,
    ),
]
AllowDownscale = Annotated[
    bool,
    typer.Option(
        "--allow-downscale", help="A target smaller than the source is meant.", rich_help_panel=_PICTURE
    ),
]
PadRule = Annotated[
    Pad,
    typer.Option(
        "--pad",
        help="What fills the sides up to 16 pixels, and is cut off again: auto is reflect, then black.",
        rich_help_panel=_PICTURE,
    ),
]
Color = Annotated[
    ColorMethod,
    typer.Option(
        "--color",
        help="How the input's color is kept; auto: transfer.  The others are as published.",
        rich_help_panel=_PICTURE,
    ),
]
StrengthOf = Annotated[
    str,
    typer.Option(
        "--strength",
        metavar="SHARE|LOW,MID,HIGH",
        help="How much of the restoration is mixed in, 0 to 1, or for coarse, middle and fine structures.",
        rich_help_panel=_PICTURE,
    ),
]
DetectorName = Annotated[
    ShotDetector,
    typer.Option(
        "--detector",
        help="What finds shots: transnet (TransNetV2) or scene (ffmpeg's scene score); auto: the better one "
        "that is installed.",
        rich_help_panel=_TIME,
    ),
]
Cuts = Annotated[
    Path | None,
    typer.Option(
        "--cuts",
        metavar="FILE",
        help="First frames of shots, one a line, in place of a detector; `shots -o` writes such a list.",
        rich_help_panel=_TIME,
    ),
]
WindowFrames = Annotated[
    str,
    typer.Option(
        "--window",
        metavar="auto|FRAMES",
        help="The most frames of a shot in the transformer at once; auto: as many as memory holds.",
        rich_help_panel=_TIME,
    ),
]
OverlapLatents = Annotated[
    int,
    typer.Option(
        "--overlap",
        metavar="LATENTS",
        help="That two windows of a shot share and mix; a latent is 4 frames.",
        rich_help_panel=_TIME,
    ),
]
ModelsDir = Annotated[
    list[Path] | None,
    typer.Option(
        "--models-dir",
        metavar="FOLDER",
        help="Look for named weights here first; ComfyUI's folder or its models will do.  "
        "More than once, or in SEEDVR2_MODELS.",
        rich_help_panel=_MODEL,
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Never ask the Hub for weights.", rich_help_panel=_MODEL)
]
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE|OWNER/NAME",
        help="VAE config: a JSON file, or a Hub repository with an optional subfolder.  "
        "Not given: the one in the weight file, else SeedVR2's.",
        rich_help_panel=_MODEL,
    ),
]
DeviceName = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N, mps.", rich_help_panel=_MODEL),
]
DtypeName = Annotated[
    Dtype,
    typer.Option(
        "--dtype",
        help="Type to compute in; auto: what a probe of the device finds best.",
        rich_help_panel=_MODEL,
    ),
]
Fp8 = Annotated[
    bool,
    typer.Option(
        "--fp8/--no-fp8", help="FP8 where the device has it; says so where not.", rich_help_panel=_MODEL
    ),
]
Fp8Force = Annotated[
    bool,
    typer.Option(
        "--fp8-force",
        help="FP8 on other capabilities than 12.0 too; where there are no FP8 units, an emulation: the same "
        "numbers without the speed.",
        rich_help_panel=_MODEL,
    ),
]
Fp8Convs = Annotated[
    str,
    typer.Option(
        "--fp8-convs",
        metavar="high|fast|PATTERN,...",
        help="What FP8 and --int8 are for: high: the ResNet convs of the two stages of the highest "
        "resolution; fast: all 3x3x3 convs and upsamplers; or patterns of names.",
        rich_help_panel=_MODEL,
    ),
]
VerifyFirst = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Where FP8 or --int8 runs, hold the first slice of time against 16 bits before going on.",
        rich_help_panel=_MODEL,
    ),
]
MinPsnr = Annotated[
    float,
    typer.Option(
        "--min-psnr",
        metavar="DB",
        help="With --verify: below this the run goes on in 16 bits.",
        rich_help_panel=_MODEL,
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="With --verify: below --min-psnr the run stops.", rich_help_panel=_MODEL),
]
TilingMode = Annotated[
    Tiling,
    typer.Option(
        "--tiling",
        help="auto, exact: the same frames in any memory. overlap: tiles, not exact. off: no strips.",
        rich_help_panel=_TILES,
    ),
]


def _tile_option(name: str, text: str) -> typer.models.OptionInfo:
    return typer.Option(name, metavar="PIXELS", help=text, show_default=False, rich_help_panel=_TILES)


EncodeTileSize = Annotated[
    str | None,
    _tile_option(
        "--encode-tile-size", "Encoder tile, 512 or WIDTHxHEIGHT; 0: the whole frame.  Not given: 512."
    ),
]
EncodeTileOverlap = Annotated[
    str | None, _tile_option("--encode-tile-overlap", "Overlap of encoder tiles.  Not given: 64.")
]
DecodeTileSize = Annotated[
    str | None,
    _tile_option(
        "--decode-tile-size", "Decoder tile, 512 or WIDTHxHEIGHT; 0: the whole frame.  Not given: 512."
    ),
]
DecodeTileOverlap = Annotated[
    str | None, _tile_option("--decode-tile-overlap", "Overlap of decoder tiles.  Not given: 64.")
]
MemoryBudget = Annotated[
    str | None,
    typer.Option(
        "--memory-budget",
        metavar="SIZE",
        help="Memory that may be taken above the model, such as 12GiB.  Not given: 0.9 of what is free.",
        rich_help_panel=_TILES,
    ),
]
HostBudget = Annotated[
    str | None,
    typer.Option(
        "--host-budget",
        metavar="SIZE",
        help="Host memory for what frames leave behind, beside a card.  Not given: 0.9 of what is free.",
        rich_help_panel=_TILES,
    ),
]
Int8Cache = Annotated[
    bool,
    typer.Option(
        "--int8-cache",
        help="Hold what frames leave behind in 8 bits: not exact; a line says how far off.",
        rich_help_panel=_TILES,
    ),
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache-folder",
        metavar="FOLDER",
        help="Where files may hold what frames leave behind, if it does not fit.",
        rich_help_panel=_TILES,
    ),
]
WorkDir = Annotated[
    Path | None,
    typer.Option(
        "--work-dir",
        metavar="FOLDER",
        help="Keep what is finished here, to go on after a stop.  Not given: OUTPUT.work, for long runs.",
        rich_help_panel=_RUN,
    ),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Give up what an earlier run has kept.", rich_help_panel=_RUN)
]
WorkersOf = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="auto|N|ray://HOST:PORT",
        help="Make shots on every GPU, on N of them (or N processes on a CPU), or on a cluster; "
        "needs seedvr2\\[cluster].",
        rich_help_panel=_RUN,
    ),
]
WorkerThreads = Annotated[
    int,
    typer.Option(
        "--worker-threads",
        help="Of each worker on a CPU.  Part of what the run is: other sums round otherwise.",
        rich_help_panel=_RUN,
    ),
]
OnFullDisk = Annotated[
    OnFull,
    typer.Option(
        "--on-full",
        help="The disk is full, or too small from the start: stop, and go on by the same command; or wait.",
        rich_help_panel=_RUN,
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="TIME",
        help="Stop when this time of the source is done, as 7:00; without it, the same command goes on.",
        rich_help_panel=_RUN,
    ),
]
Preview = Annotated[
    bool,
    typer.Option(
        "--preview",
        help="What is done so far can be watched: OUTPUT.preview.mkv, removed when the output is whole.",
        rich_help_panel=_RUN,
    ),
]
PlanOnly = Annotated[
    bool, typer.Option("--plan", help="Say the memory plan, and stop.", rich_help_panel=_TILES)
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="Begin here: 12.5 or 1:02:03.25 after the first frame.",
        rich_help_panel=_INPUT,
    ),
]
End = Annotated[
    str | None,
    typer.Option("--end", metavar="TIME", help="End before this time.", rich_help_panel=_INPUT),
]
Frames = Annotated[
    int | None, typer.Option("--frames", metavar="N", help="At most N frames.", rich_help_panel=_INPUT)
]
Deinterlace = Annotated[
    bool | None,
    typer.Option(
        "--deinterlace/--no-deinterlace",
        help="Make whole frames of fields (bwdif), or take them as they are.  Not given: refuse them.",
        show_default=False,
        rich_help_panel=_INPUT,
    ),
]
OnErrorWord = Annotated[
    OnError,
    typer.Option(
        "--on-error", help="keep: what can be read of a damaged input is enough.", rich_help_panel=_INPUT
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="FPS",
        help="Of a sequence of pictures: 24 or 24000/1001.  Not given: 25.",
        rich_help_panel=_INPUT,
    ),
]
RawInput = Annotated[
    str | None,
    typer.Option(
        "--raw-input",
        metavar="SIZE:PIX_FMT:FPS",
        help="What raw video on stdin is: 640x360:yuv420p:24.",
        rich_help_panel=_INPUT,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Not given: beside the input. -: stdout.",
        rich_help_panel=_OUTPUT,
    ),
]
CodecName = Annotated[
    Codec | None,
    typer.Option(
        "--codec",
        help="Not given: what -o's suffix asks for, else x264, or x265 for more than 8 bits.",
        rich_help_panel=_OUTPUT,
    ),
]
Crf = Annotated[
    int,
    typer.Option(
        "--crf",
        help="Quality: 0 to 51 (x264, x265, NVENC) or 63 (svtav1, vp9), lower is better.",
        rich_help_panel=_OUTPUT,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Effort of the encoder.  Not given: medium (x264, x265), 6 (svtav1), p5 (NVENC).",
        rich_help_panel=_OUTPUT,
    ),
]
PixFmt = Annotated[
    str | None,
    typer.Option(
        "--pix-fmt",
        metavar="NAME",
        help="Pixel format as ffmpeg names it, such as yuv420p10le or yuv444p.",
        rich_help_panel=_OUTPUT,
    ),
]
EncoderArgs = Annotated[
    str | None,
    typer.Option(
        "--encoder-args",
        metavar="WORDS",
        help="More of ffmpeg's options for the encoder, in one text: '-tune film -g 48'.",
        rich_help_panel=_OUTPUT,
    ),
]
PipeForm = Annotated[
    PipeFormat, typer.Option("--format", help="What -o - writes to stdout.", rich_help_panel=_OUTPUT)
]
PadEven = Annotated[
    bool,
    typer.Option("--pad-even", help="Pad odd sizes by a row or column, not 4:4:4.", rich_help_panel=_OUTPUT),
]
Compare = Annotated[
    View | None,
    typer.Option(
        "--compare",
        help="side, wipe or grid: write input and output in one file too, NAME.compare beside the output.",
        rich_help_panel=_OUTPUT,
    ),
]
ForUpscale = Annotated[
    bool,
    typer.Option(
        "--for-upscale",
        help="Prepare the pictures as upscale does, shot by shot: for `upscale`, and then `decode`.",
        rich_help_panel=_PICTURE,
    ),
]
Half = Annotated[
    bool, typer.Option("--half", help="Keep the latents in float16, not float32.", rich_help_panel=_OUTPUT)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an existing output.", rich_help_panel=_OUTPUT)
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON report on stdout, on failure too.", rich_help_panel=_RUN)
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Errors alone.", rich_help_panel=_RUN)]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Details, and the traceback of a bug.", rich_help_panel=_RUN)
]


def show_version(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """Upscale videos and images with SeedVR2, and use its video VAE alone."""
    if version:
        typer.echo(f"seedvr2 {__version__}")
        raise typer.Exit


def find_options(models_dir: list[Path] | None, offline: bool) -> FindOptions:
    """Where a name is looked for. Raises UsageError for a folder that is not there."""
    for folder in models_dir or ():
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder", where="--models-dir", do="give a folder")
    return FindOptions(folders=tuple(models_dir or ()), offline=offline)


def model_options(
    vae: str | None,
    models_dir: list[Path] | None,
    offline: bool,
    config: str | None,
    device: str,
    dtype: Dtype,
    fp8: bool,
    fp8_force: bool,
    eight: Fp8Options,
    int8: bool = False,
) -> ModelOptions:
    """Which VAE, where it is looked for, and how it runs. Raises UsageError."""
    return ModelOptions(
        vae=vae,
        find=find_options(models_dir, offline),
        config=config,
        device=device,
        dtype=dtype,
        fp8=fp8,
        fp8_force=fp8_force,
        eight=eight,
        int8=int8,
    )


def memory_options(
    budget: str | None,
    host_budget: str | None,
    cache_folder: Path | None,
    *,
    int8_cache: bool,
    plan: bool,
) -> MemoryOptions:
    """How much memory may be taken. Raises UsageError."""
    return MemoryOptions(
        budget=bytes_given("--memory-budget", budget),
        host_budget=bytes_given("--host-budget", host_budget),
        cache_folder=cache_folder,
        codes_memory=int8_cache,
        plan_only=plan,
    )


def tile_options(
    tiling: Tiling,
    encode_size: str | None,
    encode_overlap: str | None,
    decode_size: str | None = None,
    decode_overlap: str | None = None,
) -> TileOptions:
    """The four values, as given. Raises UsageError."""
    return TileOptions(
        tiling=tiling,
        encode_size=size_given("--encode-tile-size", encode_size),
        encode_overlap=size_given("--encode-tile-overlap", encode_overlap),
        decode_size=size_given("--decode-tile-size", decode_size),
        decode_overlap=size_given("--decode-tile-overlap", decode_overlap),
    )


def target_given(
    resolution: int | None, scale: float | None, max_resolution: int | None, allow_downscale: bool
) -> Target:
    """The size that is asked for. Raises UsageError."""
    return Target(
        resolution=resolution,
        scale=scale,
        max_resolution=max_resolution,
        allow_downscale=allow_downscale,
    )


def bytes_given(option: str, text: str | None) -> int | None:
    """The bytes that an option was given, None where it was not. Raises UsageError naming the option."""
    return None if text is None else parse_bytes(text, where=option)


def count_given(option: str, text: str) -> int | None:
    """The number that an option was given, None for `auto`. Raises UsageError naming the option."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise UsageError(f"{text!r} is neither auto nor a whole number", where=option, do="give one of them")
    return int(text)


def size_given(option: str, text: str | None) -> tuple[int, int] | None:
    """The (width, height) that an option was given, None where it was not. Raises UsageError naming the
    option."""
    return None if text is None else parse_size(text, where=option)


def input_options(
    start: str | None,
    end: str | None,
    frames: int | None,
    deinterlace: bool | None,
    on_error: OnError,
    rate: str | None,
    raw: str | None,
) -> InputOptions:
    """What of the input is read, and how. Raises UsageError."""
    return InputOptions(
        start=parse_time(start, where="--start") if start else InputOptions.start,
        end=parse_time(end, where="--end") if end else None,
        frames=frames,
        deinterlace=deinterlace,
        on_error=on_error,
        rate=parse_rate(rate) if rate else None,
        raw=parse_raw_form(raw, where="--raw-input") if raw else None,
    )


def output_options(
    preset: str | None, pix_fmt: str | None, encoder_args: str | None, pipe: PipeFormat
) -> OutputOptions:
    """How the pictures are encoded. Raises UsageError."""
    try:
        words = tuple(shlex.split(encoder_args or ""))
    except ValueError as error:
        raise UsageError(f"{error}", where="--encoder-args", do="close every quotation mark") from error
    return OutputOptions(preset=preset, pix_fmt=pix_fmt, encoder_arguments=words, pipe=pipe)
