"""`seedvr2 shots CLIP`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.cli import options as o
from seedvr2_cli.cli.finish import print_json
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_shots
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.options import ShotsOptions

NAME = "shots"


def run(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A video.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write the list that --cuts takes: the first frame of a shot a line.",
        ),
    ] = None,
    detector: o.DetectorName = ShotsOptions.detector,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="SCORE",
            help="Least score of a cut, 0 to 1.  Not given: 0.3 for transnet, 0.2 for scene.",
            show_default=False,
        ),
    ] = None,
    overwrite: o.Overwrite = False,
    start: o.Start = None,
    end: o.End = None,
    frames: o.Frames = None,
    deinterlace: o.Deinterlace = None,
    on_error: o.OnErrorWord = InputOptions.on_error,
    rate: o.Rate = None,
    json_report: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Show where the shots of a video begin; frames are counted from 0, at --start."""
    options = ShotsOptions(
        input=clip,
        detector=detector,
        threshold=threshold,
        output=output,
        overwrite=overwrite,
        reading=o.input_options(start, end, frames, deinterlace, on_error, rate, None),
    )
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.shots import shots

        report = shots(options, reporter)
    if json_report:
        print_json(report)
    elif not quiet:
        show_shots(report.facts["shots"], sys.stdout)
