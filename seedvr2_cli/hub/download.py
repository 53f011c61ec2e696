"""A known file from the Hub into the Hub's cache: it goes on where it stopped, and nothing unchecked gets in.

huggingface_hub (2.4 at least) throws a partial file away when its process ends. So the bytes are collected
here, beside the cache's own files, and take their place there when their SHA-256 is right; then the library
finds them as if it had fetched them. Its lock is held meanwhile: who else wants the file waits.
"""

import contextlib
import errno
import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from seedvr2_cli.base.errors import OutputError, SeedVR2Error, WeightsError
from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.hub.cache import cache_folder
from seedvr2_cli.hub.config_file import HubOffline
from seedvr2_cli.hub.known import KnownFile, Place
from seedvr2_cli.hub.network import is_reachable, quiet_library

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ETAG = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_BLOCK = 1 << 22  # bytes hashed at once
_WAIT_S = 0.5
_FULL = (errno.ENOSPC, errno.EDQUOT)
_MORE_ROOM = "free some, or set HF_HUB_CACHE to another disk"


class NotOnHub(WeightsError):
    """This place has no such file, has another one, or does not let us in: the next may do better."""


@dataclass(frozen=True)
class _Remote:
    """What the Hub says of a file before its first byte. expected: its SHA-256, None where nobody tells."""

    url: str
    headers: dict[str, str]
    etag: str
    size: int
    expected: str | None


def download(file: KnownFile, reporter: Reporter) -> Path:
    """The file in the Hub's cache, fetched if it is not there, from the first place that has it.

    Raises HubOffline, NotOnHub, WeightsError for content that is not the known one, OutputError for a disk
    that is full or cannot be written.
    """
    for place in file.places[:-1]:
        with contextlib.suppress(NotOnHub):
            return _from_place(file, place, reporter)
    return _from_place(file, file.places[-1], reporter)


def sha256_of(path: Path, reporter: Reporter, stage: str = "Check") -> str:
    """The SHA-256 of a file, in lower-case hexadecimal. Raises WeightsError."""
    digest, done = hashlib.sha256(), 0
    try:
        total = path.stat().st_size
        with path.open("rb") as data:
            while block := data.read(_BLOCK):
                digest.update(block)
                done += len(block)
                reporter.emit(Progress(stage, done, total, "bytes"))
    except OSError as error:
        raise WeightsError(f"cannot be read ({error.strerror or error})", where=path) from error
    return digest.hexdigest()


def _from_place(file: KnownFile, place: Place, reporter: Reporter) -> Path:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.file_download import repo_folder_name

    where = f"{place.repo}/{place.path}"
    if constants.HF_HUB_OFFLINE or not is_reachable(constants.ENDPOINT):
        raise HubOffline("the Hub cannot be reached, and it is not in the cache", where=where)
    folder = repo_folder_name(repo_id=place.repo, repo_type="model")
    with quiet_library(), _in_our_words(where):
        remote = _ask(file, place, where)
        blob = cache_folder() / folder / "blobs" / remote.etag
        lock = cache_folder() / ".locks" / folder / f"{remote.etag}.lock"
        for parent in (blob.parent, lock.parent):
            parent.mkdir(parents=True, exist_ok=True)
        with _locked(lock, _partial(blob), remote.size, reporter):
            if not blob.exists():
                _say_start(file, where, remote, reporter)
                _fill(_partial(blob), remote, reporter)
                _check(_partial(blob), remote, where, reporter)
                _partial(blob).replace(blob)
                reporter.emit(Line("Models", f"{file.name}: {_say_checked(file, remote)}", ok=True))
        found = hf_hub_download(place.repo, place.path, revision=place.revision)
    return Path(found)


def _ask(file: KnownFile, place: Place, where: str) -> _Remote:
    """HEAD: size and hash, compared with the known ones before anything is fetched."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(place.repo, place.path, revision=place.revision)
    told = get_hf_file_metadata(url)
    if told.commit_hash is None or told.size is None or not _ETAG.fullmatch(told.etag or ""):
        raise WeightsError(f"{constants.ENDPOINT} does not answer as the Hub does", where=where)
    etag = cast(str, told.etag)
    theirs = etag if _SHA256.fullmatch(etag) else None
    if file.sha256 and theirs and theirs != file.sha256:
        what = f"the Hub now has another file there (sha256 {theirs[:12]}..., known: {file.sha256[:12]}...)"
        raise NotOnHub(what, where=where, do="if you trust it, fetch it by hand and give its path")
    headers = dict(build_hf_headers())
    if urlsplit(told.location).netloc != urlsplit(constants.ENDPOINT).netloc:
        headers.pop("authorization", None)  # a signed address elsewhere: the token is none of its business
    return _Remote(told.location, headers, etag, told.size, file.sha256 or theirs)


def _fill(partial: Path, remote: _Remote, reporter: Reporter) -> None:
    """Fetch what is missing of the partial file, again as long as more of it arrives each time.

    Raises OutputError before the first byte if it cannot fit.
    """
    have = _held(partial)
    if have > remote.size:
        partial.unlink()
        have = 0
    if have:
        held = f"{say_bytes(have)} of {say_bytes(remote.size)}"
        reporter.emit(Line("Models", f"Going on where it stopped: {held} are here"))
    free = shutil.disk_usage(partial.parent).free
    if free < remote.size - have:
        what = f"{say_bytes(remote.size - have)} to download, {say_bytes(free)} free"
        raise OutputError(what, where=cache_folder(), do=_MORE_ROOM)
    while True:
        try:
            return _append(partial, have, remote, reporter)
        except (_http_error(), OSError) as error:
            before, have = have, _held(partial)
            if have == before or getattr(error, "errno", None) in _FULL:
                raise


def _append(partial: Path, have: int, remote: _Remote, reporter: Reporter) -> None:
    from huggingface_hub.file_download import http_get

    with partial.open("r+b" if have else "wb") as out:
        out.seek(have)
        watched = cast(BinaryIO, _Watched(out, remote.size, reporter))
        http_get(remote.url, watched, resume_size=have, headers=remote.headers, expected_size=remote.size)


class _Watched:
    """A file that tells how much of it is written."""

    def __init__(self, file: BinaryIO, total: int, reporter: Reporter) -> None:
        self._file, self._total, self._reporter = file, total, reporter

    def write(self, data: bytes) -> int:
        """Write, and tell."""
        count = self._file.write(data)
        self._reporter.emit(Progress("Download", self._file.tell(), self._total, "bytes"))
        return count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _check(partial: Path, remote: _Remote, where: str, reporter: Reporter) -> None:
    """Raise WeightsError for content of another hash; it is kept aside, and never taken for the file."""
    found = sha256_of(partial, reporter)
    if remote.expected and found != remote.expected:
        aside = partial.with_name(f"{found}.differs")
        partial.replace(aside)
        what = f"what arrived has sha256 {found[:12]}..., expected {remote.expected[:12]}..."
        raise WeightsError(what, where=where, do=f"try again; it is kept as {aside}")


@contextlib.contextmanager
def _locked(lock: Path, partial: Path, total: int, reporter: Reporter) -> Iterator[None]:
    """The Hub library's own lock for a blob; while another process has it, its progress is shown."""
    from filelock import FileLock, SoftFileLock, Timeout

    holder: FileLock | SoftFileLock = FileLock(lock)
    told = False
    while True:
        try:
            holder.acquire(timeout=_WAIT_S)
            break
        except NotImplementedError:  # a file system without locks
            holder = SoftFileLock(lock)
        except Timeout:
            if not told:
                reporter.emit(Line("Models", "Another process is downloading it; waiting"))
            told = True
            with contextlib.suppress(OSError):  # it may get its name just now
                reporter.emit(Progress("Download", _held(partial), total, "bytes"))
    try:
        yield
    finally:
        holder.release()


@contextlib.contextmanager
def _in_our_words(where: str) -> Iterator[None]:
    """Errors of the Hub's library, of the network and of the disk as one line each."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except SeedVR2Error:
        raise
    except GatedRepoError as error:
        raise NotOnHub("the repository is gated", where=where, do="log in with hf auth login") from error
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        raise NotOnHub("the Hub has no such file", where=where, do="see seedvr2 models list") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        raise WeightsError(f"the Hub refused it ({status})", where=where, do="try again later") from error
    except (_http_error(), OSError) as error:
        number = getattr(error, "errno", None)
        if number in _FULL:
            raise OutputError("no space left on the disk", where=cache_folder(), do=_MORE_ROOM) from error
        if number in (errno.EACCES, errno.EPERM, errno.EROFS):
            do = "set HF_HUB_CACHE to a folder where you may write"
            raise OutputError("cannot be written", where=cache_folder(), do=do) from error
        do = "run it again: it goes on where it stopped"
        raise HubOffline("the connection was lost", where=where, do=do) from error


def _http_error() -> type[Exception]:
    """What the HTTP library raises that this huggingface_hub uses."""
    from huggingface_hub.errors import HfHubHTTPError

    return HfHubHTTPError.__mro__[1]


def _held(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0


def _partial(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.seedvr2.part")


def _say_start(file: KnownFile, where: str, remote: _Remote, reporter: Reporter) -> None:
    reporter.emit(Line("Models", f"Downloading {file.text}: {where}, {say_bytes(remote.size)}"))


def _say_checked(file: KnownFile, remote: _Remote) -> str:
    if file.sha256:
        return "its SHA-256 is the known one"
    return "its SHA-256 is the Hub's own; none is pinned" if remote.expected else "its SHA-256 is not pinned"
