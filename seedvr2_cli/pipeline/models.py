"""`models`: which weight files there are, which are here, and whether they are what they should be."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import CheckFailed, SeedVR2Error, WeightsError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.hub.download import sha256_of
from seedvr2_cli.hub.find import embedded_files, find_local, resolve, weight_files
from seedvr2_cli.hub.known import KNOWN, TEXTS, KnownFile, Table, Variant
from seedvr2_cli.hub.lookup import best_dit, by_sha256, fits, not_known
from seedvr2_cli.hub.places import FindOptions, search_folders
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.weights.identify import identify
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.source import summarise

ANY = tuple(Variant)


def list_models(options: FindOptions, device_name: str, table: Table = KNOWN) -> RunReport:
    """Every known file, with whether it fits the device's free memory, and every weight file found here."""
    device = probe_device(device_name)
    free = device.free_bytes or 0
    best = best_dit(free, on_cpu=device.kind == "cpu", table=table)
    local = [_local_row(path, table) for path in (*embedded_files(), *weight_files(options, table))]
    here = {row["known"]: row["path"] for row in reversed(local)}
    known = [_known_row(file, free) | {"best": file is best, "here": here.get(file.stem)} for file in table]
    facts = {"free_bytes": free, "models": TEXTS, "known": known, "local": local}
    return _report("list", {"device": device_name}, facts)


def download_model(name: str, options: FindOptions, listener: Reporter, table: Table = KNOWN) -> RunReport:
    """Have a file here, from wherever it is. Raises WeightsError and OutputError."""
    reporter = Recorder(listener)
    path = resolve(name, ANY, options, reporter, table)
    if not path.exists():
        raise not_known(name, ANY, table)
    reporter.emit(Line("Models", f"{path} ({say_bytes(path.stat().st_size)})", ok=True))
    return _report("download", {"name": name}, {"path": str(path)}, reporter)


def model_path(name: str, options: FindOptions, listener: Reporter, table: Table = KNOWN) -> RunReport:
    """Where a file is on this machine. Raises WeightsError where it is not; asks no network."""
    reporter = Recorder(listener)
    path = find_local(name, ANY, options, reporter, table)
    if path is None or not path.exists():
        do = f"run seedvr2 models download {name}, or give --models-dir"
        raise WeightsError("is not on this machine", where=name, do=do)
    return _report("path", {"name": name}, {"path": str(path)}, reporter)


def verify_models(
    name: str | None, options: FindOptions, listener: Reporter, table: Table = KNOWN
) -> tuple[RunReport, CheckFailed | None]:
    """Hash one file, or all that are found here, and compare with what is known. The second value: the answer
    no, where a file of a known name has other content."""
    reporter = Recorder(listener)
    if name is None:
        paths: Sequence[Path] = tuple(weight_files(options, table))
    else:
        paths = (Path(model_path(name, options, listener, table).facts["path"]),)
    if not paths:
        looked = ", ".join(map(str, search_folders(options)))
        reporter.emit(Line("Verify", f"No weight files in {looked} and the Hub's cache"))
    rows = [_verified(path, table, reporter) for path in paths]
    wrong = [row["path"] for row in rows if row["state"] == "differs"]
    failed = CheckFailed("differs from the known file of its name", where=", ".join(wrong)) if wrong else None
    return _report("verify", {"name": name}, {"files": rows}, reporter), failed


def _known_row(file: KnownFile, free: int) -> dict[str, Any]:
    return {
        "name": file.stem,
        "file": file.name,
        "model": str(file.variant),
        "text": file.text,
        "form": file.form,
        "bytes": file.nbytes,
        "sha256": file.sha256,
        "places": [{"repo": p.repo, "path": p.path, "revision": p.revision} for p in file.places],
        "problem": file.problem,
        "fits": fits(file, free),
    }


def _local_row(path: Path, table: Table) -> dict[str, Any]:
    """A weight file by its content; one that cannot be read says why."""
    row = {"path": str(path), "bytes": path.stat().st_size, "kind": "unknown", "types": []}
    named = [file for file in table if file.name.lower() == path.name.lower()]
    try:
        with open_weights(path) as source:
            found = identify(source)
            quants = list(summarise(source.specs.values()).quants)
        text = f"{found.text}, {', '.join(quants[:2])}"
        row |= {"kind": str(found.kind), "types": quants, "text": text}
    except SeedVR2Error as error:
        row |= {"text": error.what}
    return row | {"known": named[0].stem if named and named[0].nbytes in (None, row["bytes"]) else None}


def _verified(path: Path, table: Table, reporter: Reporter) -> dict[str, Any]:
    digest = sha256_of(path, reporter)
    known = by_sha256(digest, table)
    named = next((file for file in table if file.name.lower() == path.name.lower()), None)
    if known is not None:
        state, text = "right", f"is {known.name}: {known.text}"
    elif named is None:
        state, text = "unknown", "is no known file"
    elif named.sha256 is None:
        state, text = "not pinned", f"goes by the name of {named.text}, whose SHA-256 is not pinned"
    else:
        state, text = "differs", f"is not the known {named.name} (sha256 {named.sha256[:12]}...)"
    level = Level.WARNING if state == "differs" else Level.INFO
    reporter.emit(Line("Verify", f"{path}: {text}; sha256 {digest[:12]}...", state == "right", level))
    return {"path": os.fspath(path), "sha256": digest, "state": state, "text": text}


def _report(
    job: str, settings: dict[str, Any], facts: dict[str, Any], reporter: Recorder | None = None
) -> RunReport:
    return RunReport(
        command=f"models {job}",
        input={},
        settings=settings,
        device={},
        plan={},
        warnings=reporter.warnings if reporter else (),
        facts=facts,
    )
