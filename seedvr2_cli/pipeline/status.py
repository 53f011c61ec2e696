"""`status`: how far a run is, by what its work folder holds. No torch."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import CheckFailed, OutputError
from seedvr2_cli.ledger.journal import read_entries
from seedvr2_cli.ledger.manifest import read_manifest
from seedvr2_cli.ledger.work_folder import JOURNAL, MANIFEST, is_locked, is_whole, is_work_folder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.upscaling.keys import PLAN
from seedvr2_cli.pipeline.upscaling.notes import noted_times
from seedvr2_cli.pipeline.upscaling.progress import count_done
from seedvr2_cli.plan.shots import GROUP


def status(path: Path, *, check: bool = False) -> tuple[RunReport, CheckFailed | None]:
    """Look at the run of an output, or at a work folder; nothing is changed.

    check: compare every unit with its checksum; CheckFailed is the answer where one is damaged, which the run
    would make again. Raises OutputError where no run kept anything.
    """
    folder = _work_folder(path)
    try:
        entries = read_entries(folder / JOURNAL)
        manifest = read_manifest(folder / MANIFEST)
        newest = datetime.fromtimestamp((folder / JOURNAL).stat().st_mtime, UTC)
    except OSError as error:
        raise OutputError(f"cannot be read ({error.strerror})", where=folder) from error
    facts: dict[str, Any] = {
        "folder": str(folder),
        "running": is_locked(folder),
        "newest": newest.isoformat(" ", "seconds"),
        "bytes": sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        "settings": (manifest or {}).get("settings"),
    }
    facts |= _progress(entries)
    failed = None
    if check:
        kept = {key: entry for key, entry in entries.items() if "file" in entry}
        facts["damaged"] = [key for key, entry in kept.items() if not is_whole(folder, entry)]
        if facts["damaged"]:
            what = f"units are damaged: {len(facts['damaged'])} of {len(kept)}"
            failed = CheckFailed(what, where=folder, do="run the same command again: it makes them anew")
    settings = {"check": check}
    report = RunReport(
        command="status", input={"path": str(path)}, settings=settings, device={}, plan={}, facts=facts
    )
    return report, failed


def _progress(entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Frames, shots and windows: done, and in all. A shot that is finished needs its windows no more."""
    note = entries.get(PLAN, {}).get("note")
    if not note or "shots" not in note:
        return {"frames": _of_a_clip(entries, note), "shots": [0, None], "windows": [0, None]}
    times = noted_times(note)
    done = count_done(times, note["segment"], lambda key: "file" in entries.get(key, {}))
    return {
        "frames": [done.frames, times.shots[-1].stop],
        "shots": [done.shots, len(times.shots)],
        "windows": [done.windows, len(times.units)],
    }


def _of_a_clip(entries: dict[str, dict[str, Any]], note: dict[str, Any] | None) -> list[int | None]:
    """The frames of a decode or encode: done, and in all, as far as they are known. A latent is 4 frames."""
    kept = [entry["note"] for entry in entries.values() if "file" in entry]
    done = sum(len(unit.get("crc32", ())) + GROUP * unit.get("shape", [0])[0] for unit in kept)
    total = (note or {}).get("total")
    return [done if total is None else min(done, total), total]


def _work_folder(path: Path) -> Path:
    for folder in (path, path.with_name(f"{path.name}.work")):
        if folder.is_dir() and is_work_folder(folder):
            return folder
    done = ": the output is whole" if path.is_file() else ""
    do = "give the output of a run, or its --work-dir"
    raise OutputError(f"no run keeps anything there{done}", where=path, do=do)
