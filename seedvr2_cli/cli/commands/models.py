"""`seedvr2 models list | download NAME | path NAME | verify [NAME]`."""

import sys
from typing import Annotated

import typer

from seedvr2_cli.cli.finish import end_with, print_json
from seedvr2_cli.cli.options import DeviceName, Json, ModelsDir, Offline, Quiet, Verbose, find_options
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_models

app = typer.Typer(
    help="Weight files: which there are, which are here, and getting them.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="As `models list` shows it, or the file's name.", show_default=False),
]


@app.command(name="list")
def list_them(
    models_dir: ModelsDir = None,
    device: DeviceName = "auto",
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show the known files, which of them fit this machine, and every weight file found on it."""
    from seedvr2_cli.pipeline.models import list_models

    report = list_models(find_options(models_dir, offline=True), device)
    if json_report:
        print_json(report)
    elif not quiet:
        show_models(report.facts, sys.stdout, every=verbose)


@app.command(name="download")
def download(
    name: Name,
    models_dir: ModelsDir = None,
    offline: Offline = False,
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Fetch a known file into the Hub's cache, unless it is on this machine already."""
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.models import download_model

        report = download_model(name, find_options(models_dir, offline), reporter)
    if json_report:
        print_json(report)


@app.command(name="path")
def path(
    name: Name,
    models_dir: ModelsDir = None,
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Print where a file is on this machine."""
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.models import model_path

        report = model_path(name, find_options(models_dir, offline=True), reporter)
    if json_report:
        print_json(report)
    else:
        sys.stdout.write(f"{report.facts['path']}\n")


@app.command(name="verify")
def verify(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A name or a file.  Not given: all that are here.", show_default=False
        ),
    ] = None,
    models_dir: ModelsDir = None,
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Compare files with the known SHA-256; exit code 1 where one of a known name has other content."""
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.models import verify_models

        report, failed = verify_models(name, find_options(models_dir, offline=True), reporter)
    if json_report:
        print_json(report, failed)
    return end_with(failed)
