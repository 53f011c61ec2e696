"""How a command ends: its report, where it was asked for, and the answer no."""

import json
import sys

from seedvr2_cli.base.errors import CheckFailed
from seedvr2_cli.pipeline.report import RunReport, as_json, error_as_json


def print_json(report: RunReport, failed: CheckFailed | None = None) -> None:
    """One JSON object on stdout. failed: the answer of a run that came to its end and says no."""
    value = as_json(report) | ({"error": error_as_json(failed)} if failed else {})
    sys.stdout.write(json.dumps(value) + "\n")


def end_with(failed: CheckFailed | None) -> int:
    """Say the answer no, if it is that, as one line on stderr. Returns the exit code."""
    if failed is None:
        return 0
    sys.stderr.write(f"seedvr2: {failed}\n")
    return failed.exit_code
