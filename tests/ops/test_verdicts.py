"""What a probe found is kept for the same machine and versions; a file that is wrong makes nothing fail."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seedvr2_cli.ops.verdicts import Verdicts, machine_facts, verdict_folder, verdicts_of

CPU = torch.device("cpu")
MACHINE = {"device": "Test CPU", "torch": "2.13.0"}


class Probe:
    """Answers 1.0, 2.0, ... and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return float(self.asked)


@pytest.fixture
def verdicts(tmp_path) -> Verdicts:
    return Verdicts(tmp_path / "seedvr2" / "verdicts" / "test.json", MACHINE)


def test_a_question_is_asked_once(verdicts):
    probe = Probe()
    assert [verdicts.recall("int8 products", probe) for _ in range(3)] == [1.0, 1.0, 1.0]
    assert verdicts.recall("fp8 products", probe) == 2.0
    assert verdicts.kept() == {"int8 products": 1.0, "fp8 products": 2.0}
    assert [left.name for left in verdicts.path.parent.iterdir()] == ["test.json"]


def test_other_versions_are_asked_again(verdicts):
    probe = Probe()
    verdicts.recall("int8 products", probe)
    newer = replace(verdicts, machine=MACHINE | {"torch": "2.14.0"})
    assert newer.recall("int8 products", probe) == 2.0
    assert verdicts.kept() == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[" * 100_000,
        b"{}",
        b"[1]",
        json.dumps({"machine": MACHINE, "verdicts": 3}).encode(),
        json.dumps({"machine": MACHINE, "verdicts": {"q": "fast", "r": None, "s": [], "t": True}}).encode(),
        json.dumps({"machine": MACHINE, "verdicts": {"q": float("nan"), "r": float("inf")}}).encode(),
        json.dumps({"machine": {}, "verdicts": {"q": 7.0}}).encode(),
    ],
)
def test_a_damaged_file_counts_as_none_and_is_written_anew(content, verdicts):
    verdicts.path.parent.mkdir(parents=True)
    verdicts.path.write_bytes(content)
    assert verdicts.recall("q", Probe()) == 1.0
    assert verdicts.kept() == {"q": 1.0}


def test_without_a_place_every_run_asks(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    for path in (None, tmp_path / "taken" / "test.json", tmp_path):  # nowhere, under a file, a folder itself
        probe = Probe()
        assert [Verdicts(path, MACHINE).recall("q", probe) for _ in range(2)] == [1.0, 2.0]


def test_a_probe_that_fails_leaves_no_verdict(verdicts):
    def fails() -> float:
        raise RuntimeError("no such operator")

    with pytest.raises(RuntimeError, match="no such operator"):
        verdicts.recall("q", fails)
    assert verdicts.kept() == {}


HOME = Path.home()


@pytest.mark.parametrize(
    ("environment", "system", "folder"),
    [
        ({}, "linux", HOME / ".cache/seedvr2/verdicts"),
        ({"XDG_CACHE_HOME": "/fast"}, "linux", Path("/fast/seedvr2/verdicts")),
        ({}, "darwin", HOME / "Library/Caches/seedvr2/verdicts"),
        ({"LOCALAPPDATA": "/me/Local"}, "win32", Path("/me/Local/seedvr2/verdicts")),
        ({}, "win32", HOME / "AppData/Local/seedvr2/verdicts"),
        ({"SEEDVR2_CACHE": "/here", "XDG_CACHE_HOME": "/fast"}, "linux", Path("/here/verdicts")),
        ({"SEEDVR2_CACHE": ""}, "linux", None),
    ],
)
def test_verdicts_lie_with_other_caches_of_the_user(environment, system, folder):
    assert verdict_folder(environment, system) == folder


def test_without_a_home_nothing_is_kept(monkeypatch):
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert verdict_folder({}, "linux") is None


def test_threads_versions_and_switches_tell_machines_apart(tmp_path):
    environment = {"SEEDVR2_CACHE": str(tmp_path)}
    facts = machine_facts(CPU, environment)
    assert facts["torch"] == torch.__version__
    assert facts["device"]
    assert facts["onednn"].count(".") == 2
    one = verdicts_of(CPU, environment=environment)
    other = verdicts_of(CPU, environment=environment | {"ONEDNN_MAX_CPU_ISA": "AVX2"})
    assert one.path.parent == other.path.parent == tmp_path / "verdicts"
    assert one.path != other.path
