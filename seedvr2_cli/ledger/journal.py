"""An append-only list of what is done: a line of JSON each, with its own checksum.

A line counts if its checksum fits. The last one may have been cut by whatever ended the run; any other that
does not fit was damaged since, and what it said is not known any more: the work is done again.
"""

import json
import os
import zlib
from io import FileIO
from pathlib import Path
from typing import Any

from seedvr2_cli.base.files import output_error
from seedvr2_cli.ledger import durable

MAX_BYTES = 1 << 30  # more than a million units


class Journal:
    """The entries of one file, by their key; a later entry replaces an earlier one."""

    def __init__(self, path: Path) -> None:
        """Raises OutputError where the file cannot be read or written."""
        self._path = path
        try:
            self.entries = read_entries(path)
            self._file = FileIO(path, "a+")
        except OSError as error:
            raise output_error(path, error, "--work-dir") from error

    def add(self, entry: dict[str, Any]) -> None:
        """Keep an entry, which has a key: on the disk when this returns. Raises OutputError."""
        text = json.dumps(entry, sort_keys=True)
        try:
            line = f"{zlib.crc32(text.encode()):08x} {text}\n".encode()
            durable.append(self._file, line if self._ends_a_line() else b"\n" + line)
        except OSError as error:
            raise output_error(self._path, error, "--work-dir") from error
        self.entries[entry["key"]] = entry

    def _ends_a_line(self) -> bool:
        """Whether the last line is whole; one that was cut stays one by itself."""
        if not self._file.seek(0, os.SEEK_END):
            return True
        self._file.seek(-1, os.SEEK_END)
        return self._file.read(1) == b"\n"

    def close(self) -> None:
        """No more entries."""
        self._file.close()


def read_entries(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a file, which is not changed; none where there is no file. Raises OSError."""
    entries: dict[str, dict[str, Any]] = {}
    data = path.read_bytes() if path.exists() and path.stat().st_size <= MAX_BYTES else b""
    for line in data.splitlines():
        entry = _parsed(line)
        if entry is not None:
            entries[entry["key"]] = entry
    return entries


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The entry of a line, None where it is none."""
    checksum, _, text = line.partition(b" ")
    if checksum != f"{zlib.crc32(text):08x}".encode():
        return None
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("key"), str) else None
