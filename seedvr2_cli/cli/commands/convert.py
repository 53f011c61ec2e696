"""`seedvr2 convert SRC DST`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.base.choices import WeightType
from seedvr2_cli.cli.finish import print_json
from seedvr2_cli.cli.options import Config, Json, ModelsDir, Offline, Overwrite, Quiet, Verbose, find_options
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_groups
from seedvr2_cli.pipeline.options import ConvertOptions

NAME = "convert"


def run(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A weight file, or its name.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Argument(metavar="DST", help="A .gguf, .safetensors or .pth.", show_default=False)
    ],
    kind: Annotated[
        WeightType | None,
        typer.Option(
            "--type",
            help="Of the large tensors; Q types are for GGUF, E4M3 for a transformer in safetensors.  "
            "Not given: as they are, and F16 for what is quantised.",
        ),
    ] = None,
    native_5d: Annotated[
        bool, typer.Option("--native-5d", help="Keep the five dimensions of kernels in a plain GGUF.")
    ] = False,
    models_dir: ModelsDir = None,
    offline: Offline = False,
    config: Config = None,
    overwrite: Overwrite = False,
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write weights in another format or type, and show what that costs."""
    options = ConvertOptions(
        source=source,
        output=output,
        find=find_options(models_dir, offline),
        config=config,
        type=kind,
        native_5d=native_5d,
        overwrite=overwrite,
    )
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.convert import convert

        report = convert(options, reporter)
    if json_report:
        print_json(report)
    elif not quiet:
        show_groups(report.facts["groups"], sys.stdout)
