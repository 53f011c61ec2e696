"""Faults of the disk, put in where the ledger writes: the same command then comes to the same film."""

import errno
import os
import random
from io import FileIO
from pathlib import Path

import pytest

from seedvr2_cli.base.errors import DiskFull, OutputError
from seedvr2_cli.ledger import durable, journal
from seedvr2_cli.ledger.journal import Journal
from seedvr2_cli.pipeline.upscale import upscale
from tests.pipeline.conftest import Lines
from tests.pipeline.upscaling.test_resume import Crash, Restorer, assert_same, film, job, whole

__all__ = ["film", "whole"]  # fixtures
STEPS = 54  # flushes of files and folders, and lines of the journal, in a whole run of six windows


class PowerCut:
    """A disk that keeps, when the power goes, what was flushed; of the rest as much as a draw leaves.

    A file's bytes are sure once it was flushed, a name (new, changed or gone) once its folder was.
    """

    def __init__(self, shadow: Path) -> None:
        self._shadow = shadow  # links to all files that were seen, so that no inode stands for two
        self._sure: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int]] = {}

    def flush(self, path: Path) -> None:
        self._remember(path)

    def flush_folder(self, folder: Path) -> None:
        self._names[folder] = {path.name: self._seen(path) for path in folder.iterdir() if path.is_file()}

    def append(self, file: FileIO, data: bytes) -> None:
        os.write(file.fileno(), data)
        self._remember(Path(str(file.name)))

    def strike(self, folder: Path, draw: random.Random) -> None:
        """Leave what such a disk may hold after the cut."""
        now = {path.name: self._seen(path) for path in folder.iterdir() if path.is_file()}
        sure = self._names.get(folder, {})
        after: dict[str, int] = {}
        for name in sure | now:
            inode = sure.get(name) if draw.random() < 0.5 else now.get(name)
            if sure.get(name) == now.get(name):
                inode = now[name]
            if inode is not None:
                after[name] = inode
        held = {name: self._held(inode, draw) for name, inode in after.items()}
        for name in now:
            (folder / name).unlink()
        for name, data in held.items():
            (folder / name).write_bytes(data)

    def _held(self, inode: int, draw: random.Random) -> bytes:
        data = (self._shadow / str(inode)).read_bytes()
        sure = self._sure.get(inode, b"")
        return sure if data.startswith(sure) is False else data[: draw.randint(len(sure), len(data))]

    def _remember(self, path: Path) -> None:
        self._sure[self._seen(path)] = path.read_bytes()

    def _seen(self, path: Path) -> int:
        inode = path.stat().st_ino
        link = self._shadow / str(inode)
        if not link.exists():
            os.link(path, link)
        return inode


def at_step(monkeypatch, step: int, fault) -> None:
    """The step'th write of the ledger meets the fault."""
    left = [step]
    for name in ("flush", "flush_folder", "append"):
        work = getattr(durable, name)

        def counted(*given, work=work):
            left[0] -= 1
            if left[0] == -1:
                raise fault
            return work(*given)

        monkeypatch.setattr(durable, name, counted)


def goes_on(film, output, whole, ffmpeg, calls: int) -> None:
    """The same command ends as if nothing had been, with one unit done twice at most."""
    loader = Restorer()
    upscale(job(film, output), Lines(), loader)
    assert_same(output, whole, ffmpeg)
    assert calls + loader.calls <= 6 + 1
    assert not output.with_name(f"{output.name}.work").exists()


def power_cut(step, seed, film, whole, ffmpeg, folder, monkeypatch) -> None:
    output, loader = folder / "out.mkv", Restorer()
    (folder / "shadow").mkdir()
    disk = PowerCut(folder / "shadow")
    with monkeypatch.context() as patch, pytest.raises(Crash):
        for name in ("flush", "flush_folder", "append"):
            patch.setattr(durable, name, getattr(disk, name))
        at_step(patch, step, Crash())
        upscale(job(film, output), Lines(), loader)
    work = output.with_name("out.mkv.work")
    if work.exists():
        disk.strike(work, random.Random(seed))
    goes_on(film, output, whole, ffmpeg, loader.calls)


@pytest.mark.parametrize("step", range(0, STEPS, 5))
def test_after_a_power_cut_nothing_that_was_flushed_is_lost(step, film, whole, ffmpeg, tmp_path, monkeypatch):
    power_cut(step, step, film, whole, ffmpeg, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("step", range(STEPS))
def test_after_a_power_cut_at_every_step(step, seed, film, whole, ffmpeg, tmp_path, monkeypatch):
    power_cut(step, 1000 * seed + step, film, whole, ffmpeg, tmp_path, monkeypatch)


@pytest.mark.parametrize("step", range(1, STEPS, 9))
@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EIO, OutputError, "cannot be written (Input/output error); give another --work-dir"),
        (errno.ENOSPC, DiskFull, "no space left on the disk; free some, or give another --work-dir"),
    ],
)
def test_a_write_that_fails_is_one_line_and_spoils_nothing(
    number, kind, words, step, film, whole, ffmpeg, tmp_path, monkeypatch
):
    output, loader = tmp_path / "out.mkv", Restorer()
    with monkeypatch.context() as patch, pytest.raises(kind) as raised:
        at_step(patch, step, OSError(number, os.strerror(number)))
        upscale(job(film, output), Lines(), loader)
    assert str(raised.value).endswith(words)
    assert not output.exists()
    goes_on(film, output, whole, ffmpeg, loader.calls)


class Short(FileIO):
    """Takes seven bytes at a time."""

    def write(self, data):
        return super().write(data[:7])


def test_short_writes_are_written_on(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "FileIO", Short)
    kept = Journal(tmp_path / "journal")
    kept.add({"key": "a", "value": "x" * 100})
    kept.close()
    again = Journal(tmp_path / "journal")
    assert again.entries == kept.entries
    again.close()


class Full(FileIO):
    """Takes ten bytes, and then no more."""

    def write(self, data):
        if self.tell() > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data[:10])


def test_a_line_that_did_not_fit_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "journal"
    kept = Journal(path)
    kept.add({"key": "a"})
    kept.close()
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(journal, "FileIO", Full)
        full = Journal(path)
        with pytest.raises(DiskFull):
            full.add({"key": "b"})
        full.close()
    assert path.read_bytes() == before
    again = Journal(path)
    again.add({"key": "c"})
    assert set(again.entries) == {"a", "c"}
    again.close()
