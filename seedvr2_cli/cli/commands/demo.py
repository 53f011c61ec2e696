"""`seedvr2 demo`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.cli.finish import print_json
from seedvr2_cli.cli.options import DeviceName, Json, Overwrite, Quiet, Verbose
from seedvr2_cli.console.reporter import ConsoleReporter

NAME = "demo"


def run(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where its files go; made if it is not there.")
    ] = Path("seedvr2-demo"),
    device: DeviceName = "auto",
    overwrite: Overwrite = False,
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """See a result without downloads: a short clip through the embedded model `nano`."""
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.demo import demo

        report = demo(folder, device, reporter, overwrite=overwrite)
    if json_report:
        print_json(report)
