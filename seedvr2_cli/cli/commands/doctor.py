"""`seedvr2 doctor`."""

import sys

from seedvr2_cli.base.errors import CheckFailed
from seedvr2_cli.cli.finish import end_with, print_json
from seedvr2_cli.cli.options import DeviceName, Json, Quiet, Verbose
from seedvr2_cli.console.tables import show_checks

NAME = "doctor"


def run(
    device: DeviceName = "auto",
    json_report: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show what this machine has and what works; exit code 1 where a command would fail."""
    from seedvr2_cli.pipeline.doctor import doctor

    report = doctor(device)
    failed = [check["name"] for check in report.facts["checks"] if not check["ok"]]
    error = CheckFailed(f"{', '.join(failed)}: see above", where="doctor") if failed else None
    if json_report:
        print_json(report, error)
    elif not quiet:
        show_checks(report.facts["checks"], sys.stdout)
    return end_with(error)
