"""Files that survive a power cut: written beside their name, flushed, renamed, and the folder flushed too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.base.files import output_error

PART = "part."  # how the name of what is not whole begins; its suffix stays, for writers who go by that


@contextmanager
def durable_file(final: Path) -> Iterator[Path]:
    """Give a temporary path beside final; when the block ends well, its bytes are on the disk under final's
    name, in place of any other. Raises OutputError."""
    temporary = final.with_name(f"{PART}{final.name}")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(final)
        flush_folder(final.parent)
    except OSError as error:
        raise output_error(final, error, "--work-dir") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def append(file: FileIO, data: bytes) -> None:
    """Add data to the end of a file opened without a buffer, on the disk when this returns; where that fails,
    the file is as it was, if the disk allows it. Raises OSError."""
    size = file.seek(0, os.SEEK_END)
    try:
        done = 0
        while done < len(data):
            done += file.write(data[done:])
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):  # a line that stays cut does not count
            file.truncate(size)
        raise


def flush(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can do that."""
    flag = getattr(os, "O_DIRECTORY", None)
    if flag is None:  # Windows does so by itself
        return
    handle = os.open(folder, os.O_RDONLY | flag)
    try:
        with suppress(OSError):  # some file systems of networks refuse it
            os.fsync(handle)
    finally:
        os.close(handle)


def clear_parts(folder: Path) -> None:
    """Remove what was not whole when a run ended. Raises OutputError."""
    for path in folder.glob(f"{PART}*"):
        try:
            path.unlink()
        except OSError as error:
            raise OutputError(f"cannot be removed ({error.strerror})", where=path, do="remove it") from error
