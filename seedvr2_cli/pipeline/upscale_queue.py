"""`upscale` of several inputs, one after the other: one that fails does not stop the others."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import CheckFailed, SeedVR2Error, UsageError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.pipeline.options import UpscaleOptions, as_settings
from seedvr2_cli.pipeline.report import RunReport, error_as_json
from seedvr2_cli.pipeline.upscale import upscale


def upscale_queue(
    inputs: Sequence[Path],
    options: UpscaleOptions,
    listener: Reporter,
    one: Callable[[UpscaleOptions, Reporter], RunReport] = upscale,
) -> tuple[RunReport, CheckFailed | None]:
    """Run the command for every input, each with its own output beside it. one: what does an input.

    Returns a report whose facts list what became of each, and CheckFailed where one failed. Raises UsageError
    for an output that all would share.
    """
    if options.output is not None or options.work.folder is not None:
        where = "-o" if options.output is not None else "--work-dir"
        do = "leave it out: each output then lies beside its input"
        raise UsageError(f"is one place for {len(inputs)} inputs", where=where, do=do)
    rows: list[dict[str, Any]] = []
    for number, path in enumerate(inputs, start=1):
        listener.emit(Line("Queue", f"{number} of {len(inputs)}: {path}"))
        began = time.perf_counter()
        row: dict[str, Any] = {"input": str(path), "outputs": [], "frames": 0, "error": None}
        try:
            report = one(replace(options, input=path), listener)
            row |= {"outputs": list(report.outputs), "frames": report.plan.get("frames", 0)}
        except SeedVR2Error as error:
            listener.emit(Line("Queue", str(error), level=Level.WARNING))
            row["error"] = error_as_json(error)
        rows.append(row | {"seconds": round(time.perf_counter() - began, 3)})
    failed = [row for row in rows if row["error"]]
    report = RunReport(
        command="upscale",
        input={"paths": [str(path) for path in inputs]},
        settings=as_settings(options) | {"input": None},
        device={},
        plan={},
        outputs=tuple(output for row in rows for output in row["outputs"]),
        warnings=tuple(str(row["error"]["message"]) for row in failed),
        facts={"files": rows},
    )
    what = f"{len(failed)} of {len(inputs)} inputs failed"
    return report, CheckFailed(what, do="see the lines above") if failed else None
