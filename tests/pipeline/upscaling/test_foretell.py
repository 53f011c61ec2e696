"""What a plan says of several workers, before and after something was measured."""

import pytest

from seedvr2_cli.ledger.journal import Journal
from seedvr2_cli.pipeline.options import MemoryOptions
from seedvr2_cli.pipeline.upscale import upscale
from tests.pipeline.conftest import Lines
from tests.pipeline.upscaling.test_resume import Restorer, film, job, stopped

__all__ = ["film"]  # a fixture


def planned(film, output):
    lines = Lines()
    plan = upscale(job(film, output, memory=MemoryOptions(plan_only=True)), lines, Restorer()).plan
    return plan, lines.said


def test_without_a_measurement_workers_are_compared_with_one(film, tmp_path):
    plan, said = planned(film, tmp_path / "out.mkv")
    assert plan["frame_seconds"] is None
    assert [row["workers"] for row in plan["workers"]] == [1, 2, 4]
    assert plan["workers"][2]["limit"] == "the longest shot"
    assert "[Plan] no shot of this film was timed yet, so in times as fast as one worker" in said
    two, four = "2 workers 1.90 times (95%, uneven ends)", "4 workers 2.38 times (59%, the longest shot)"
    assert f"[Plan] on {two}, {four}" in said


def test_what_an_earlier_run_took_gives_hours(film, tmp_path, monkeypatch):
    output = tmp_path / "out.mkv"
    work = stopped(film, output, monkeypatch, step=24)
    journal = Journal(work / "journal")
    journal.add({"key": "timed", "note": {"crc32": [0] * 10, "seconds": 5.0}})
    journal.close()
    plan, said = planned(film, output)
    assert plan["frame_seconds"] == 0.5
    assert plan["workers"][0]["seconds"] == pytest.approx(30)
    assert any(f"fps as in {output}.work" in text for text in said)
