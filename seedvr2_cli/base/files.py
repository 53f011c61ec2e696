"""Outputs appear under their final name only when they are whole."""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seedvr2_cli.base.errors import DiskFull, OutputError

Link = Callable[[Path, Path], None]
HARD_LINK: Link | None = getattr(os, "link", None)  # some systems and file systems have none


@contextmanager
def whole_file(
    final: Path, *, overwrite: bool, option: str = "-o", link: Link | None = HARD_LINK
) -> Iterator[Path]:
    """Give a temporary path in final's folder; rename it to final when the block ends well, else remove it.

    The temporary name keeps final's suffix, so that writers who go by the suffix still do. Raises OutputError
    where final exists (without overwrite), before and after the work; the block's own errors pass through.
    option: the one that names final, for what the errors advise, here and below.
    """
    refuse_existing(final, overwrite=overwrite, option=option)
    temporary = final.with_name(f".{final.stem[:80]}.{secrets.token_hex(4)}.part{final.suffix}")
    try:
        yield temporary
        _publish(temporary, final, overwrite=overwrite, option=option, link=link)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; when the block ends well, its files move into that, which is
    made where it is missing. Files of the same names are replaced. Raises OutputError."""
    temporary = folder.with_name(f".{folder.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir()
        yield temporary
        folder.mkdir(exist_ok=True)
        for file in sorted(temporary.iterdir()):
            file.replace(folder / file.name)
    except OSError as error:
        raise output_error(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_output(final: Path, source: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Raise OutputError where final cannot or must not be written. Nothing is left behind."""
    refuse_input(final, source, option)
    refuse_existing(final, overwrite=overwrite, option=option)
    try_folder(final, option)


def refuse_existing(final: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Raise OutputError if final is a folder, or a file that must not be replaced."""
    if final.is_dir():
        raise OutputError("is a folder", where=final, do="give a file name")
    if not overwrite and os.path.lexists(final):
        raise OutputError("exists already", where=final, do=f"give --overwrite or another {option}")


def refuse_input(output: Path, source: Path, option: str = "-o") -> None:
    """Raise OutputError if output and source are one file, whatever their names."""
    try:
        same = output.samefile(source)
    except OSError:
        same = output.absolute() == source.absolute()
    if same:
        raise OutputError("is the input itself", where=output, do=f"give another {option}")


def try_folder(final: Path, option: str = "-o") -> None:
    """Raise OutputError unless a file can be made in final's folder; leaves nothing behind."""
    folder = final.parent
    if not folder.is_dir():
        raise OutputError("no such folder", where=folder, do=f"make it first, or give another {option}")
    probe = folder / f".seedvr2.{secrets.token_hex(4)}.part"
    try:
        try:
            probe.touch(exist_ok=False)
        finally:  # Ctrl-C may come as soon as it is there
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(folder, error, option) from error


def output_error(path: Path, error: OSError, option: str = "-o") -> OutputError:
    """An OSError met while writing path, in our words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("no space left on the disk", where=path, do=f"free some, or give another {option}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError("cannot be written", where=path, do=f"give an {option} where you may write")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError("the name is too long", where=path, do=f"give a shorter {option}")
    return OutputError(
        f"cannot be written ({error.strerror or error})", where=path, do=f"give another {option}"
    )


def _publish(temporary: Path, final: Path, *, overwrite: bool, option: str, link: Link | None) -> None:
    try:
        if overwrite:
            temporary.replace(final)
            return
        try:
            # a link fails if the name was taken meanwhile; a rename would replace it without a word
            if link is None:
                raise OSError(errno.ENOTSUP, "no hard links")
            link(temporary, final)
        except FileExistsError:
            raise OutputError(
                "was made by someone else meanwhile", where=final, do=f"give another {option}"
            ) from None
        except OSError:
            refuse_existing(final, overwrite=False, option=option)
            temporary.rename(final)
    except OSError as error:
        raise output_error(final, error, option) from error
