"""How long a film will take on so many workers, by their scheduler and by what an earlier run measured."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_number, say_seconds
from seedvr2_cli.ledger.journal import read_entries
from seedvr2_cli.ledger.work_folder import JOURNAL
from seedvr2_cli.plan.forecast import Forecast, forecasts, worth_asking
from seedvr2_cli.plan.shots import Shot


def foretell(shots: tuple[Shot, ...], folder: Path | None, reporter: Reporter) -> dict[str, Any]:
    """Say what 1, 2, 4 ... workers would take; the same for the report. folder: of an earlier run, whose rate
    is taken."""
    rate = measured_rate(folder) if folder else None
    found = forecasts(shots, worth_asking(shots), rate)
    if rate is None:
        text = "no shot of this film was timed yet, so in times as fast as one worker"
    else:
        text = f"{say_seconds(rate * shots[-1].stop)} of a worker, {say_number(1 / rate)} fps as in {folder}"
    reporter.emit(Line("Plan", text))
    if len(found) > 1:
        reporter.emit(Line("Plan", f"on {', '.join(map(_say, found[1:]))}"))
    return {"frame_seconds": rate, "workers": [asdict(forecast) for forecast in found]}


def measured_rate(folder: Path) -> float | None:
    """Seconds of a worker for a frame, over the shots that a run has kept; None where none was timed."""
    try:
        entries = read_entries(folder / JOURNAL).values()
    except OSError:
        return None
    notes = [entry.get("note") or {} for entry in entries]
    timed = [(note["seconds"], len(note["crc32"])) for note in notes if "seconds" in note and "crc32" in note]
    frames = sum(count for _, count in timed)
    return sum(seconds for seconds, _ in timed) / frames if frames else None


def _say(found: Forecast) -> str:
    """`4 workers 3.9 times (98 %: the longest shot)`."""
    how = f"{say_number(found.times_faster)} times" if found.seconds is None else say_seconds(found.seconds)
    why = "" if found.efficiency > 0.995 else f", {found.limit}"
    return f"{found.workers} workers {how} ({found.efficiency:.0%}{why})"
