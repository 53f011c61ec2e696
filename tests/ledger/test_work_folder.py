"""Finished units survive; what is not whole, damaged or of another run does not count."""

import json
import multiprocessing
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import OutputError, UsageError
from seedvr2_cli.ledger.durable import durable_file
from seedvr2_cli.ledger.journal import Journal
from seedvr2_cli.ledger.manifest import first_difference, read_manifest, write_manifest
from seedvr2_cli.ledger.work_folder import is_work_folder, open_folder, remove_folder, settle_manifest


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "work"


def keep(folder, key, data, note=None):
    with open_folder(folder) as work, work.unit(key, ".bin", note) as path:
        path.write_bytes(data)


def found(folder, key):
    with open_folder(folder) as work:
        path = work.find(key)
        return None if path is None else path.read_bytes()


def test_a_finished_unit_is_found_again(folder):
    keep(folder, "a", b"one", {"shape": [3]})
    keep(folder, "b", b"two")
    assert found(folder, "a") == b"one"
    with open_folder(folder) as work:
        assert work.note("a") == {"shape": [3]}
        assert work.find("c") is None
        work.forget("a")
    assert found(folder, "a") is None
    assert not (folder / "a.bin").exists()


def test_a_unit_that_was_not_ended_is_none(folder):
    with pytest.raises(ZeroDivisionError), open_folder(folder) as work, work.unit("a", ".bin") as path:
        path.write_bytes(b"half")
        raise ZeroDivisionError
    assert found(folder, "a") is None
    (folder / "part.a.bin").write_bytes(b"left by a kill")
    assert found(folder, "a") is None
    assert not (folder / "part.a.bin").exists()


@pytest.mark.parametrize("spoil", ["flip", "cut", "grow", "remove"])
def test_a_damaged_unit_does_not_count(folder, spoil):
    keep(folder, "a", bytes(1000))
    path = folder / "a.bin"
    match spoil:
        case "flip":
            path.write_bytes(bytes(500) + b"\1" + bytes(499))
        case "cut":
            path.write_bytes(bytes(999))
        case "grow":
            path.write_bytes(bytes(1001))
        case "remove":
            path.unlink()
    assert found(folder, "a") is None


@given(
    cut=st.integers(0, 300), flips=st.lists(st.integers(0, 299), max_size=3), garbage=st.binary(max_size=30)
)
def test_a_journal_keeps_every_whole_line_and_believes_no_other(tmp_path_factory, cut, flips, garbage):
    path = tmp_path_factory.mktemp("journal") / "journal"
    journal = Journal(path)
    written = [{"key": f"k{k}", "value": k} for k in range(5)]
    for entry in written:
        journal.add(entry)
    journal.close()
    whole = path.read_bytes()
    data = bytearray(whole)
    for flip in flips:
        if flip < len(data):
            data[flip] ^= 0x55
    path.write_bytes(bytes(data[: max(0, len(data) - cut)]) + garbage)
    left = path.read_bytes().splitlines()
    expected = [e for e, line in zip(written, whole.splitlines(), strict=True) if line in left]
    again = Journal(path)
    assert list(again.entries.values()) == expected
    again.add({"key": "new"})
    again.close()
    last = Journal(path)
    assert list(last.entries.values()) == [*expected, {"key": "new"}]
    last.close()


def test_a_journal_line_cannot_name_a_file_elsewhere(folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"x")
    with open_folder(folder):
        pass
    journal = Journal(folder / "journal")
    journal.add({"key": "a", "file": "../secret", "bytes": 1, "crc32": 0x8CDC1683})
    journal.close()
    assert found(folder, "a") is None
    with open_folder(folder, restart=True):
        pass
    assert (tmp_path / "secret").exists()


def test_the_first_difference_is_named():
    old = {"settings": {"seed": 1, "pad": "auto"}, "versions": {"torch": "2.13.0"}}
    assert first_difference(old, json.loads(json.dumps(old))) is None
    new = {"settings": {"seed": 2, "pad": "auto"}, "versions": {"torch": "2.14.0"}}
    assert first_difference(old, new) == "settings.seed was 1 and is 2"
    assert first_difference(old, {"settings": old["settings"]}) == 'versions.torch was "2.13.0" and is null'
    assert first_difference({"a": (1, 2)}, {"a": [1, 2]}) is None


def test_another_run_is_refused_with_the_way_out(folder):
    folder.mkdir()
    assert settle_manifest(folder, {"seed": 1}) is False
    assert settle_manifest(folder, {"seed": 1}) is True
    with pytest.raises(UsageError) as raised:
        settle_manifest(folder, {"seed": 2})
    assert "holds another run: seed was 1 and is 2; give what was given then, --restart" in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 7}', '"\\ud800"'])
def test_a_manifest_that_says_nothing_is_refused_in_one_line(folder, text):
    folder.mkdir()
    (folder / "manifest.json").write_text(text)
    with pytest.raises(OutputError, match="give --restart to begin again") as raised:
        read_manifest(folder / "manifest.json")
    assert "\n" not in str(raised.value)


def test_restart_removes_what_is_ours_and_nothing_else(folder):
    keep(folder, "a", b"one")
    settle_manifest(folder, {"seed": 1})
    (folder / "mine.txt").write_text("keep")
    with open_folder(folder, restart=True) as work:
        assert work.find("a") is None
        assert settle_manifest(folder, {"seed": 2}) is False
    assert not (folder / "a.bin").exists()
    remove_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_a_folder_of_other_files_is_left_alone(folder):
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="holds other files, and no run of ours"), open_folder(folder):
        pass
    assert not is_work_folder(folder)


def hold(folder, ready, done):
    with open_folder(folder):
        ready.set()
        done.wait(30)


def test_a_second_run_is_refused_and_a_dead_one_is_not_in_the_way(folder):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(folder, ready, done))
    other.start()
    assert ready.wait(30)
    with pytest.raises(OutputError, match="another run is working there"), open_folder(folder):
        pass
    other.kill()
    other.join()
    with open_folder(folder):
        pass


@pytest.mark.parametrize("step", ["flush", "flush_folder"])
def test_a_disk_that_fails_leaves_what_was(folder, step, monkeypatch):
    keep(folder, "a", b"one")

    def fail(path):
        raise OSError(5, os.strerror(5))

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="--work-dir"):
        patch.setattr(f"seedvr2_cli.ledger.durable.{step}", fail)
        keep(folder, "b", b"two")
    assert found(folder, "a") == b"one"
    assert found(folder, "b") is None


@pytest.mark.root
def test_a_full_disk_is_one_line(small_disk):
    with pytest.raises(OutputError, match="no space left on the disk") as raised:
        keep(small_disk / "work", "a", bytes(1 << 20))
    assert "\n" not in str(raised.value)


def test_a_file_is_replaced_whole(tmp_path):
    final = tmp_path / "x"
    final.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), durable_file(final) as path:
        path.write_bytes(b"new")
        raise ZeroDivisionError
    assert final.read_bytes() == b"old"
    with durable_file(final) as path:
        path.write_bytes(b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"new"]
    write_manifest(tmp_path / "m", {"a": 1})
    assert read_manifest(tmp_path / "m") == {"a": 1}
