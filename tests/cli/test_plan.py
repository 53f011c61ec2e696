"""`plan --simulate`, and `upscale --workers` where it cannot begin, as a user types them."""

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


def test_without_simulate_a_line_says_where_films_are_planned(run):
    result = run("plan")
    assert result.code == 2
    assert only_line(result) == "--simulate: is missing; give it; for a film: upscale FILE --plan"


def test_workers_without_ray_are_one_line(run, data, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None)
    result = run("upscale", data / "clips/bbb_180p_aac.mp4", "--workers", "2")
    assert result.code == 2
    assert only_line(result) == "--workers: Ray is not installed; pip install 'seedvr2[cluster]'"


def test_a_wrong_number_of_workers_is_one_line(run, data):
    result = run("upscale", data / "clips/bbb_180p_aac.mp4", "--workers", "lots")
    assert result.code == 2
    words = "--workers: 'lots' names no workers; give auto, a number, or ray://HOST:PORT"
    assert only_line(result) == words
