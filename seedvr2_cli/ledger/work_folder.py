"""The folder in which a run keeps its finished units, so that the same command can go on where it stopped."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import OutputError, UsageError
from seedvr2_cli.base.files import output_error
from seedvr2_cli.ledger import durable
from seedvr2_cli.ledger.durable import clear_parts, durable_file
from seedvr2_cli.ledger.journal import Journal
from seedvr2_cli.ledger.manifest import first_difference, read_manifest, write_manifest

MANIFEST, JOURNAL, LOCK = "manifest.json", "journal", "lock"
_PIECE = 1 << 20


class WorkFolder:
    """Finished units by their keys: a file each, its size and CRC-32 in the journal. See `open_folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal = Journal(folder / JOURNAL)
        self._whole: set[str] = set()  # those whose bytes were compared in this run

    def find(self, key: str) -> Path | None:
        """The file of a finished unit; None where it is not finished, not there, or not as it was written."""
        entry = self._journal.entries.get(key)
        if entry is None or "file" not in entry:
            return None
        if key not in self._whole:
            if not is_whole(self.folder, entry):
                return None
            self._whole.add(key)
        return _file_of(self.folder, entry)

    def damaged(self) -> list[str]:
        """The units that were kept and are not there as they were written; they will be made again."""
        kept = [key for key, entry in self._journal.entries.items() if "file" in entry]
        return [key for key in kept if self.find(key) is None]

    def add_note(self, key: str, note: dict[str, Any]) -> None:
        """Keep a note that has no file. Raises OutputError."""
        self._journal.add({"key": key, "note": note})

    def note(self, key: str) -> dict[str, Any]:
        """What was noted of a finished unit when it was kept."""
        entry: dict[str, Any] = self._journal.entries.get(key, {}).get("note", {})
        return entry

    def checksum(self, key: str) -> tuple[int, int]:
        """Bytes and CRC-32 of a finished unit's file, as it was kept."""
        entry = self._journal.entries[key]
        return entry["bytes"], entry["crc32"]

    @contextmanager
    def unit(self, key: str, suffix: str, note: dict[str, Any] | None = None) -> Iterator[Path]:
        """Give a path to write a unit to; it is finished when the block ends well. note: kept in the journal,
        as it is by then. Raises OutputError."""
        final = self.folder / f"{key}{suffix}"
        with durable_file(final) as temporary:
            yield temporary
        try:
            facts = {"file": final.name, "bytes": final.stat().st_size, "crc32": _crc32(final)}
        except OSError as error:
            raise output_error(final, error, "--work-dir") from error
        self._journal.add({"key": key, "note": note or {}} | facts)
        self._whole.add(key)

    def forget(self, key: str) -> None:
        """A unit is not needed any more: something made of it is finished."""
        entry = self._journal.entries.get(key)
        if entry is not None and "file" in entry:
            self._journal.add({"key": key, "gone": entry["file"]})
            with suppress(OSError):  # it is of no harm but for its size
                _file_of(self.folder, entry).unlink()

    def close(self) -> None:
        """No more units in this run."""
        self._journal.close()


@contextmanager
def open_folder(folder: Path, *, restart: bool = False) -> Iterator[WorkFolder]:
    """The folder for one run at a time; made where it is missing.

    restart: what a run kept there is given up. Raises OutputError where it cannot be used, where another run
    has it, and where it holds something else.
    """
    if folder.exists() and not is_work_folder(folder) and any(folder.iterdir()):
        do = "give an empty or a new --work-dir"
        raise OutputError("holds other files, and no run of ours", where=folder, do=do)
    with _locked(folder):
        if restart:
            _clear(folder)
        clear_parts(folder)
        work = WorkFolder(folder)
        try:
            yield work
        finally:
            work.close()


def is_work_folder(folder: Path) -> bool:
    """Whether a run keeps its units there."""
    return (folder / MANIFEST).is_file() or (folder / JOURNAL).is_file()


def settle_manifest(folder: Path, values: dict[str, Any]) -> bool:
    """Write down what the run is, or compare it with what it was; whether it was there already.

    Raises UsageError with the first difference, OutputError for a manifest that cannot be read.
    """
    path = folder / MANIFEST
    known = read_manifest(path)
    if known is None:
        write_manifest(path, values)
        return False
    difference = first_difference(known, values)
    if difference is not None:
        do = "give what was given then, --restart to begin again, or another --work-dir"
        raise UsageError(f"holds another run: {difference}", where=folder, do=do)
    return True


def is_whole(folder: Path, entry: dict[str, Any]) -> bool:
    """Whether the file of an entry is there, as it was written."""
    path = _file_of(folder, entry)
    try:
        return (path.stat().st_size, _crc32(path)) == (entry.get("bytes"), entry.get("crc32"))
    except OSError:
        return False


def is_locked(folder: Path) -> bool:
    """Whether a run is working there now."""
    from filelock import FileLock, Timeout

    if not (folder / LOCK).exists():
        return False
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError, NotImplementedError):
        return True
    lock.release()
    return False


def remove_folder(folder: Path) -> None:
    """The run is done and its result stands: what it kept goes, and nothing else."""
    with suppress(OutputError, OSError):  # what stays is of no harm but for its size
        _clear(folder)
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which goes with the process however it ends."""
    from filelock import FileLock, Timeout  # takes 20 ms to import

    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            durable.flush_folder(folder.parent)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        what = "another run is working there"
        raise OutputError(what, where=folder, do="wait for it, or give another --work-dir") from error
    except (OSError, NotImplementedError) as error:
        known = error if isinstance(error, OSError) else OSError(None, str(error))
        raise output_error(folder, known, "--work-dir") from error
    try:
        yield
    finally:
        lock.release()


def _clear(folder: Path) -> None:
    """Remove our own files: those that the journal names, and its own. After a power cut a file that was
    removed may be there again."""
    journal = Journal(folder / JOURNAL)
    journal.close()
    named = (entry.get("file", entry.get("gone", "")) for entry in journal.entries.values())
    names = [Path(str(name)).name for name in named]
    for name in (*filter(None, names), MANIFEST, JOURNAL):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise output_error(folder / name, error, "--work-dir") from error


def _file_of(folder: Path, entry: dict[str, Any]) -> Path:
    """The file of an entry: in the folder, whatever the entry says."""
    return folder / Path(str(entry["file"])).name


def _crc32(path: Path) -> int:
    total = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            total = zlib.crc32(piece, total)
    return total
