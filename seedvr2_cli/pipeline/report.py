"""The report of a run, as `--json` prints it. Keys are only ever added. No torch."""

from dataclasses import dataclass, field
from typing import Any

from seedvr2_cli._version import __version__
from seedvr2_cli.base.errors import SeedVR2Error

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What was read, how it was set, where time went, what came out.

    stages: (name, wall seconds, frames). peak_bytes: on a CPU anonymous memory above the start of the job, on
    CUDA max_memory_allocated; None where the system does not tell.
    """

    command: str
    input: dict[str, Any]
    settings: dict[str, Any]
    device: dict[str, Any]
    plan: dict[str, Any]
    stages: tuple[tuple[str, float, int], ...] = ()
    peak_bytes: int | None = None
    warnings: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def as_json(report: RunReport) -> dict[str, Any]:
    """The JSON object of a run that is done."""
    return {
        "schema": SCHEMA,
        "command": report.command,
        "version": __version__,
        "input": report.input,
        "settings": report.settings,
        "device": report.device,
        "plan": report.plan,
        "stages": [
            {"name": name, "seconds": round(seconds, 4), "frames": frames}
            for name, seconds, frames in report.stages
        ],
        "peak_bytes": report.peak_bytes,
        "warnings": list(report.warnings),
        "outputs": list(report.outputs),
        "facts": report.facts,
        "error": None,
    }


def failure_as_json(command: str, failure: dict[str, Any]) -> dict[str, Any]:
    """The JSON object of a run that failed: the same keys, and the error."""
    empty = RunReport(command=command, input={}, settings={}, device={}, plan={})
    return as_json(empty) | {"error": failure}


def error_as_json(error: SeedVR2Error) -> dict[str, Any]:
    """An error of the family as the report holds it."""
    return {"class": type(error).__name__, "message": str(error), "exit": error.exit_code}
