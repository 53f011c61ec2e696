"""A worker by itself, without Ray: what it is asked, and what it gives."""

import zlib
from dataclasses import replace

import pytest

from seedvr2_cli.cluster.worker import PIECE, Assignment, Setup, Worker
from seedvr2_cli.pipeline.fingerprint import fingerprint
from seedvr2_cli.pipeline.options import UpscaleOptions
from seedvr2_cli.pipeline.output import choose_output
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscaling.models import load_models
from seedvr2_cli.pipeline.upscaling.notes import plan_note
from seedvr2_cli.plan.padding import padding_of
from seedvr2_cli.plan.shots import shots_of
from seedvr2_cli.plan.windows import TimePlan
from tests.cluster.conftest import CUTS, FRAMES
from tests.pipeline.conftest import Lines


@pytest.fixture
def worker(job, tmp_path):
    options = job(tmp_path / "out.mp4")
    setup = Setup(
        load=load_models,
        model=options.model,
        transformer=options.transformer,
        memory=options.memory,
        threads=1,
        sharing=2,
        scratch=tmp_path,
    )
    worker = Worker(setup)
    yield worker
    worker.close()


def assignment(options: UpscaleOptions, setup: Setup, ffmpeg, segment: int = 100) -> Assignment:
    source = MediaSource(options.input, ffmpeg, options.reading)
    own = (source.template.width, source.template.height)
    padding = padding_of(options.target.size_of(own), options.pad)
    spec = choose_output(options, source, ffmpeg, Lines(), "upscaled", padding.size)
    return Assignment(
        options=options,
        setup=setup,
        spec=spec,
        padding=padding,
        note=plan_note(TimePlan(shots_of(CUTS, FRAMES), 6, 1), None, segment),
        source=fingerprint(source.info),
        scale=padding.size[0] / own[0],
    )


def test_a_worker_makes_the_same_shot_again_and_again(worker, job, film, ffmpeg, tmp_path):
    about = worker.introduce()
    assert about.kind["device"]["name"].endswith("threads of a worker: 1")
    assert about.planned
    assert worker.window_bytes((4, 4, 4)) > 0
    task = assignment(job(tmp_path / "out.mp4"), worker._setup, ffmpeg)
    assert worker.sees(film, task.source)
    worker.begin(task, film)
    beats = worker.pulse()
    (made,) = worker.make(10, 36, False)
    assert worker.pulse() > beats
    assert len(made.note["crc32"]) == len(made.note["source"]) == 26
    data = worker.piece(made.key, 0)
    assert (len(data), zlib.crc32(data)) == (made.bytes, made.crc32)
    assert made.bytes < PIECE
    worker.forget(made.key)
    (again,) = worker.make(10, 36, True)
    assert again.note | {"seconds": 0} == made.note | {"seconds": 0}
    worker.close()
    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_long_shot_comes_in_its_segments_with_the_frames_of_the_whole(worker, job, film, ffmpeg, tmp_path):
    worker.introduce()
    options = job(tmp_path / "out.mp4")
    worker.begin(assignment(options, worker._setup, ffmpeg), film)
    (whole,) = worker.make(10, 36, False)
    crcs = {name: whole.note[name] for name in ("crc32", "source")}
    worker.close()
    other = Worker(worker._setup)
    other.introduce()
    other.begin(assignment(options, other._setup, ffmpeg, segment=3), film)
    parts = other.make(10, 36, False)
    assert [part.key for part in parts] == ["f10-27.frames", "f27-36.frames"]
    assert {name: [crc for part in parts for crc in part.note[name]] for name in crcs} == crcs
    other.close()


def test_a_source_that_is_not_there_travels_as_its_bytes(worker, job, film, ffmpeg, tmp_path):
    worker.introduce()
    task = assignment(job(tmp_path / "out.mp4"), worker._setup, ffmpeg)
    assert not worker.sees(tmp_path / "film.mp4", task.source)
    (tmp_path / "other.mp4").write_bytes(film.read_bytes()[:-1] + b"?")
    assert not worker.sees(tmp_path / "other.mp4", task.source)
    data = film.read_bytes()
    half = len(data) // 2
    there = worker.take_source(film.name, 0, data[:half])
    assert worker.take_source(film.name, half, data[half:]) == there
    assert worker.sees(there, task.source)
    worker.begin(task, there)
    (made,) = worker.make(9, 10, False)
    assert len(made.note["crc32"]) == 1


def test_workers_of_other_weights_are_of_another_kind(worker, weights, tmp_path):
    from seedvr2_cli.pipeline.recipe_file import write_recipe
    from tests.pipeline.upscaling.conftest import TINY_VAE

    write_recipe(tmp_path / "other.gguf", TINY_VAE, "F16", seed=2)
    setup = worker._setup
    other = Worker(replace(setup, model=replace(setup.model, vae=tmp_path / "other.gguf")))
    assert worker.introduce().kind["weights"] != other.introduce().kind["weights"]
    other.close()
