"""How far a run is can be seen while it runs, and after it was ended."""

import pytest

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.pipeline.status import status
from seedvr2_cli.pipeline.upscale import upscale
from tests.pipeline.conftest import Lines
from tests.pipeline.upscaling.test_resume import FRAMES, Restorer, film, job, stopped

__all__ = ["film"]  # a fixture


def test_a_stopped_run(film, tmp_path, monkeypatch):
    output = tmp_path / "out.mkv"
    work = stopped(film, output, monkeypatch, step=24)
    for path in (output, work):
        report, failed = status(path)
        assert failed is None
        facts = report.facts
        assert facts["running"] is False
        assert facts["frames"][1] == FRAMES
        assert 0 < facts["frames"][0] < FRAMES
        assert facts["shots"][1] == 4
        assert 0 < facts["windows"][0] < facts["windows"][1] == 6
        assert facts["bytes"] > 0
        assert facts["settings"]["transformer"]["seed"] == 42


def test_a_run_at_work(film, tmp_path):
    output, seen = tmp_path / "out.mkv", []
    loader = Restorer()
    restore = loader.transformer.restore

    def look(*given):
        seen.append(status(output)[0].facts)
        return restore(*given)

    loader.transformer.restore = look
    upscale(job(film, output), Lines(), loader)
    assert [facts["running"] for facts in seen] == [True] * 6
    assert [facts["windows"][0] for facts in seen] == list(range(6))


def test_check_finds_what_is_damaged(film, tmp_path, monkeypatch):
    work = stopped(film, tmp_path / "out.mkv", monkeypatch, step=24)
    assert status(work, check=True)[1] is None
    unit = max(work.glob("*.mkv"))
    unit.write_bytes(unit.read_bytes()[:-1])
    report, failed = status(work, check=True)
    assert report.facts["damaged"] == [unit.stem]
    assert failed is not None
    assert "units are damaged: 1 of " in str(failed)


def test_nothing_there_is_one_line(film, tmp_path):
    with pytest.raises(OutputError, match="no run keeps anything there; give the output of a run"):
        status(tmp_path / "out.mkv")
    with pytest.raises(OutputError, match="no run keeps anything there: the output is whole"):
        status(film)
