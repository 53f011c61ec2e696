"""`seedvr2 inspect FILE`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.cli.finish import print_json
from seedvr2_cli.cli.options import Json, ModelsDir, Quiet, Verbose, find_options
from seedvr2_cli.console.tables import show_inspection, show_media

NAME = "inspect"


def run(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A weight, latent, video or image file, or a name of weights.",
            show_default=False,
        ),
    ],
    models_dir: ModelsDir = None,
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show what a file holds; -v lists every tensor, or decodes a film and lists every frame's time."""
    from seedvr2_cli.pipeline.inspect import inspect

    report = inspect(file, find_options(models_dir, offline=True), every=verbose)
    if json_report:
        print_json(report)
    elif not quiet and "video" in report.facts:
        show_media(report.facts, report.input["path"], report.input["bytes"], sys.stdout)
    elif not quiet:
        show_inspection(report.facts, report.input["path"], report.input["bytes"], sys.stdout, every=verbose)
