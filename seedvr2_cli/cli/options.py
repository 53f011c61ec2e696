"""Every option, declared once under the name it has in all commands."""

from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import Codec, Dtype, Tiling, View
from seedvr2_cli.base.units import parse_size

_MODEL, _TILES, _OUTPUT, _RUN = "Model", "Tiles", "Output", "Run"

Vae = Annotated[
    Path,
    typer.Option(
        "--vae", metavar="FILE", help="VAE weights: GGUF, safetensors or .pth.", rich_help_panel=_MODEL
    ),
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
    typer.Option("--fp8-force", help="FP8 on other capabilities than 12.0 too.", rich_help_panel=_MODEL),
]
TilingMode = Annotated[
    Tiling,
    typer.Option(
        "--tiling",
        help="off: the whole frame at once. overlap: tiles. auto: tiles where a frame is larger than one.",
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
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Not given: beside the input.", rich_help_panel=_OUTPUT
    ),
]
CodecName = Annotated[
    Codec | None,
    typer.Option(
        "--codec",
        help="x264, or ffv1 (lossless). Not given: what -o's suffix asks for, else x264.",
        rich_help_panel=_OUTPUT,
    ),
]
Crf = Annotated[
    int, typer.Option("--crf", help="Quality of x264: 0 to 51, lower is better.", rich_help_panel=_OUTPUT)
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
    """SeedVR2's video VAE on real files: encode, decode, inspect."""
    if version:
        typer.echo(f"seedvr2 {__version__}")
        raise typer.Exit


def size_given(option: str, text: str | None) -> tuple[int, int] | None:
    """The (width, height) that an option was given, None where it was not. Raises UsageError naming the
    option."""
    return None if text is None else parse_size(text, where=option)
