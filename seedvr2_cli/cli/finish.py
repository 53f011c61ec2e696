"""How a command ends: its report, where it was asked for."""

import json
import sys

from seedvr2_cli.pipeline.report import RunReport, as_json


def print_json(report: RunReport) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(as_json(report)) + "\n")
