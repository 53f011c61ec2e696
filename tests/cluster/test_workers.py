"""How many workers are asked for, and where."""

from dataclasses import replace

import pytest

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.cluster.session import check_ray
from seedvr2_cli.cluster.upscale import upscale_on_workers
from seedvr2_cli.cluster.workers import Workers
from seedvr2_cli.pipeline.options import Fp8Options
from tests.pipeline.conftest import Lines


@pytest.mark.parametrize(
    ("text", "workers"),
    [
        ("auto", Workers()),
        ("3", Workers(count=3)),
        ("ray://gpu-1:10001", Workers(address="ray://gpu-1:10001")),
        ("10.0.0.7:6379", Workers(address="10.0.0.7:6379")),
        ("ray://[::1]:10001", Workers(address="ray://[::1]:10001")),
    ],
)
def test_workers_are_a_number_or_a_place(text, workers):
    assert Workers.parse(text) == workers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0", "--workers: no worker does nothing; give auto, or 1 or more"),
        ("many", "--workers: 'many' names no workers; give auto, a number, or ray://HOST:PORT"),
        ("-1", "--workers: '-1' names no workers; give auto, a number, or ray://HOST:PORT"),
        ("ray://host", "--workers: 'ray://host' names no workers; give auto, a number, or ray://HOST:PORT"),
        ("a b:1", "--workers: 'a b:1' names no workers; give auto, a number, or ray://HOST:PORT"),
        ("99999", "--workers: '99999' names no workers; give auto, a number, or ray://HOST:PORT"),
    ],
)
def test_what_names_no_workers_is_one_line(text, words):
    with pytest.raises(UsageError) as caught:
        Workers.parse(text)
    assert str(caught.value) == words


def test_no_threads_are_refused():
    with pytest.raises(UsageError) as caught:
        Workers(threads=0)
    assert str(caught.value) == "--worker-threads: 0 threads; give 1 or more"


def test_without_ray_one_line_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        check_ray()
    assert str(caught.value) == "--workers: Ray is not installed; pip install 'seedvr2[cluster]'"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"device": "cuda:1"},
            "--device: cuda:1 is one GPU, and each worker has its own; "
            "leave it out; CUDA_VISIBLE_DEVICES says which there are",
        ),
        (
            {"eight": Fp8Options(verify=True)},
            "--verify: looks at a run's first frames, and each worker has its own; leave it or --workers out",
        ),
    ],
)
def test_what_is_not_for_workers_is_refused_before_ray_is_started(more, words, job, tmp_path):
    options = job(tmp_path / "out.mp4")
    options = replace(options, model=replace(options.model, **more))
    with pytest.raises(UsageError) as caught:
        upscale_on_workers(options, Lines(), Workers())
    assert str(caught.value) == words
