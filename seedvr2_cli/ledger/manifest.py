"""Everything that changes a pixel of a run's result, as JSON, and the first difference of two of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.ledger.durable import durable_file

FORMAT = 1
MAX_BYTES = 64 << 20  # a list of a million shots


def write_manifest(path: Path, values: dict[str, Any]) -> None:
    """Write it, whole or not at all. Raises OutputError."""
    with durable_file(path) as temporary:
        temporary.write_text(json.dumps({"format": FORMAT} | values, indent=1), encoding="utf-8")


def read_manifest(path: Path) -> dict[str, Any] | None:
    """What was written there; None where nothing was. Raises OutputError for one that cannot be read."""
    restart = "give --restart to begin again, or another --work-dir"
    try:
        if not path.exists():
            return None
        if path.stat().st_size > MAX_BYTES:
            raise OutputError("is no manifest of a run", where=path, do=restart)
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError("is damaged: it does not say what the run was", where=path, do=restart) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else None
        what = f"is of format {found!r}, this version goes on with {FORMAT}"
        raise OutputError(what, where=path, do=restart)
    return {key: value for key, value in values.items() if key != "format"}


def first_difference(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """`settings.seed was 1 and is 2` for the first value, in new's order, that is not as it was."""
    before, after = dict(_flat(old)), dict(_flat(new))
    for name in [*after, *(name for name in before if name not in after)]:
        was, now = before.get(name), after.get(name)
        if was != now:
            return f"{name} was {_short(was)} and is {_short(now)}"
    return None


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.loads(json.dumps(values))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
