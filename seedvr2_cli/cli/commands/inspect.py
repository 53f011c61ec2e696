"""`seedvr2 inspect FILE`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.cli.finish import print_json
from seedvr2_cli.cli.options import Json, Quiet, Verbose
from seedvr2_cli.console.tables import show_inspection

NAME = "inspect"


def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A weight or latent file.", show_default=False)
    ],
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show what a weight or latent file holds; -v lists every tensor."""
    from seedvr2_cli.pipeline.inspect import inspect

    report = inspect(file)
    if json_report:
        print_json(report)
    elif not quiet:
        show_inspection(report.facts, report.input["path"], report.input["bytes"], sys.stdout, every=verbose)
