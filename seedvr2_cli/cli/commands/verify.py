"""`seedvr2 verify INPUT`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.base.units import parse_time
from seedvr2_cli.cli import options as o
from seedvr2_cli.cli.finish import end_with, print_json
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_verification
from seedvr2_cli.pipeline.options import Fp8Options, ModelOptions, VerifyOptions

NAME = "verify"


def run(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A video or an image.", show_default=False)],
    vae: o.Vae = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The worst place.  Not given: INPUT.verify.png."),
    ] = None,
    fp8_convs: o.Fp8Convs = Fp8Options.convs,
    layers: Annotated[
        bool, typer.Option("--layers", help="Each conv alone too: its part of the work and of the error.")
    ] = False,
    min_psnr: Annotated[
        float, typer.Option("--min-psnr", metavar="DB", help="Exit code 1 if either half is below.")
    ] = Fp8Options.min_psnr,
    start: o.Start = None,
    models_dir: o.ModelsDir = None,
    offline: o.Offline = False,
    config: o.Config = None,
    device: o.DeviceName = ModelOptions.device,
    dtype: o.DtypeName = ModelOptions.dtype,
    overwrite: o.Overwrite = False,
    json_report: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Hold FP8 against 16 bits on the first frames of a clip; emulated where the device has no FP8 units."""
    eight = Fp8Options(convs=fp8_convs, min_psnr=min_psnr)
    options = VerifyOptions(
        input=source,
        model=o.model_options(vae, models_dir, offline, config, device, dtype, False, False, eight),
        start=parse_time(start, where="--start") if start else VerifyOptions.start,
        output=output,
        layers=layers,
        overwrite=overwrite,
    )
    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        from seedvr2_cli.pipeline.verify import too_far, verify

        report = verify(options, reporter)
    failed = too_far(options, report)
    if json_report:
        print_json(report, failed)
    elif not quiet:
        show_verification(report.facts, sys.stdout)
    return end_with(failed)
