"""`seedvr2 doctor`."""

import json
import sys

import typer

from seedvr2_cli.base.errors import CheckFailed
from seedvr2_cli.cli.options import DeviceName, Json, Quiet, Verbose
from seedvr2_cli.console.tables import show_checks
from seedvr2_cli.pipeline.report import as_json, error_as_json

NAME = "doctor"


def run(
    device: DeviceName = "auto",
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show what this machine has and what works; exit code 1 where a command would fail."""
    from seedvr2_cli.pipeline.doctor import doctor

    report = doctor(device)
    failed = [check["name"] for check in report.facts["checks"] if not check["ok"]]
    error = CheckFailed(f"{', '.join(failed)}: see above", where="doctor") if failed else None
    if json_report:
        value = as_json(report) | ({"error": error_as_json(error)} if error else {})
        sys.stdout.write(json.dumps(value) + "\n")
    elif not quiet:
        show_checks(report.facts["checks"], sys.stdout)
    if error:
        sys.stderr.write(f"seedvr2: {error}\n")
        raise typer.Exit(error.exit_code)
