"""`seedvr2 status OUTPUT`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.cli import options as o
from seedvr2_cli.cli.finish import end_with, print_json
from seedvr2_cli.console.tables import show_status

NAME = "status"


def run(
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help="What a run is to write, or its work folder.", show_default=False
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Compare everything kept with its checksum.")
    ] = False,
    json_report: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Show how far an unfinished run is."""
    from seedvr2_cli.pipeline.status import status

    report, failed = status(output, check=check)
    if json_report:
        print_json(report, failed)
    elif not quiet:
        show_status(report.facts, sys.stdout)
    return end_with(failed)
