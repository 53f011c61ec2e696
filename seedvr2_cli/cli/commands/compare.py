"""`seedvr2 compare A B`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.cli import options as o
from seedvr2_cli.cli.finish import end_with, print_json
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_comparison
from seedvr2_cli.pipeline.options import CompareOptions

NAME = "compare"


def run(
    a: Annotated[
        Path, typer.Argument(metavar="A", help="A video or an image: the reference.", show_default=False)
    ],
    b: Annotated[
        Path, typer.Argument(metavar="B", help="A video or an image of the same size.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The contact sheet.  Not given: B.sheet.png."),
    ] = None,
    sheet: Annotated[
        bool, typer.Option("--sheet/--no-sheet", help="Write a contact sheet.")
    ] = CompareOptions.sheet,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page to look at: before and after, frame by frame."
        ),
    ] = None,
    min_psnr: Annotated[
        float | None,
        typer.Option(
            "--min-psnr", metavar="DB", help="Exit code 1 if the PSNR is lower.", show_default=False
        ),
    ] = None,
    overwrite: o.Overwrite = False,
    json_report: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Show how close two files are: PSNR, SSIM, VMAF, the largest error and the worst frame."""
    options = CompareOptions(
        a=a, b=b, output=output, sheet=sheet, html=html, min_psnr=min_psnr, overwrite=overwrite
    )
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.compare import compare, too_far

        report = compare(options, reporter)
    failed = too_far(options, report)
    if json_report:
        print_json(report, failed)
    elif not quiet:
        show_comparison(report.facts, sys.stdout)
    return end_with(failed)
