"""`plan --simulate` as a user types it."""

import json

import pytest
from PIL import Image

from tests.cli.test_commands import KEYS
from tests.cli.test_errors import only_line

SMALL = ("--simulate", "--films", "20", "--minutes", "1", "--workers", "8", "--failures", "1")


def test_a_library_is_shown_as_a_table(run):
    result = run("plan", *SMALL)
    assert result.code == 0
    names = [line.split("  ")[0] for line in result.out.splitlines()]
    assert names == ["library", "done after", "throughput", "used", "lost", "failed three times"]
    assert "20 films" in result.out
    assert result.err == ""


def test_json_holds_the_course(run):
    result = run("plan", *SMALL, "--json")
    report = json.loads(result.out)
    assert set(report) == KEYS
    assert report["facts"]["steps"][-1][0] <= report["facts"]["seconds"]


@pytest.mark.plot
def test_the_course_is_drawn(run, tmp_path):
    picture = tmp_path / "course.png"
    result = run("plan", *SMALL, "--plot", picture)
    assert result.code == 0
    with Image.open(picture) as drawn:
        assert drawn.size == (1350, 750)


def test_without_simulate_there_is_nothing_to_plan(run):
    result = run("plan")
    assert result.code == 2
    assert only_line(result) == "--simulate: is missing; give it"
