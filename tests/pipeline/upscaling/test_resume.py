"""Whatever ends a run, the same command goes on, and its output is that of a run that was never ended."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import Codec, ColorMethod
from seedvr2_cli.base.errors import OutputError, UsageError
from seedvr2_cli.ledger import durable
from seedvr2_cli.ledger.journal import Journal
from seedvr2_cli.media.probe import probe
from seedvr2_cli.pipeline.fingerprint import sampled_sha256
from seedvr2_cli.pipeline.options import (
    ColorOptions,
    MemoryOptions,
    ModelOptions,
    Target,
    TimeOptions,
    TransformerOptions,
    UpscaleOptions,
    WorkOptions,
)
from seedvr2_cli.pipeline.upscale import upscale
from seedvr2_cli.vae.load import load_vae
from tests.pipeline.conftest import Lines, cut, frames_of, sound_of
from tests.pipeline.upscaling.conftest import Loader

CUTS = (9, 10, 36)
FRAMES = 60


@pytest.fixture(scope="session")
def film(data, ffmpeg, tmp_path_factory) -> Path:
    """Sixty frames with sound."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "cuts.txt").write_text("".join(f"{first}\n" for first in CUTS))
    return cut(ffmpeg, data / "clips/bbb_180p_aac.mp4", folder / "film.mp4", FRAMES)


def job(film: Path, output: Path, **more) -> UpscaleOptions:
    """Four shots, six windows."""
    given = {
        "model": ModelOptions(),
        "target": Target(resolution=32, allow_downscale=True),
        "time": TimeOptions(cuts=film.with_name("cuts.txt"), window=21, overlap=1),
        "color": ColorOptions(method=ColorMethod.OFF),
        "codec": Codec.FFV1,
    }
    return UpscaleOptions(input=film, output=output, **given | more)


class Restorer(Loader):
    """Models that leave a trace of the noise, so that a unit that was made otherwise would show."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.transformer.restore = self.restore

    def restore(self, noise, condition, tell):
        self.calls += 1
        return condition * 0.9 + 0.1 * noise.mean(-1, keepdim=True)


@pytest.fixture(scope="session")
def whole(film, ffmpeg, tmp_path_factory) -> Path:
    """The film of a run that nothing ended."""
    output = tmp_path_factory.mktemp("whole") / "out.mkv"
    loader = Restorer()
    upscale(job(film, output), Lines(), loader)
    assert loader.calls == 6
    assert [path.name for path in output.parent.iterdir()] == ["out.mkv"]
    return output


def assert_same(result: Path, whole: Path, ffmpeg) -> None:
    np.testing.assert_array_equal(frames_of(result, ffmpeg), frames_of(whole, ffmpeg))
    assert sound_of(result) == sound_of(whole)
    assert probe(result, ffmpeg).video == probe(whole, ffmpeg).video


def test_kept_units_change_no_frame(film, whole, ffmpeg, tmp_path, lines, monkeypatch):
    monkeypatch.setattr("seedvr2_cli.pipeline.upscaling.keeping.KEPT_FROM", 100)
    upscale(job(film, tmp_path / "out.mkv"), lines, Restorer())
    assert not any("[Work]" in said for said in lines.said)
    assert_same(tmp_path / "out.mkv", whole, ffmpeg)


class Crash(BaseException):
    """The end of a run at a step of writing."""


def crash_at(monkeypatch, step: int) -> None:
    """From now on the step'th flush of a file, of a folder, or of the journal is not reached."""
    left = [step]

    def counted(work):
        def run(*given):
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            return work(*given)

        return run

    monkeypatch.setattr(durable, "flush", counted(durable.flush))
    monkeypatch.setattr(durable, "flush_folder", counted(durable.flush_folder))
    monkeypatch.setattr(Journal, "add", counted(Journal.add))


@pytest.mark.parametrize("step", range(0, 48, 3))
def test_a_run_that_ends_at_any_step_of_writing_is_taken_up(step, film, whole, ffmpeg, tmp_path, monkeypatch):
    output, calls = tmp_path / "out.mkv", 0
    for attempt in range(60):
        lines, loader = Lines(), Restorer()
        with monkeypatch.context() as patch:
            if attempt == 0:
                crash_at(patch, step)
            try:
                upscale(job(film, output), lines, loader)
            except Crash:
                calls += loader.calls
                assert not output.exists()
                continue
            calls += loader.calls
            break
    assert_same(output, whole, ffmpeg)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]
    assert calls <= 6 + 1  # at most the window at work was done twice


def test_a_run_that_ends_again_and_again_comes_to_its_end(film, whole, ffmpeg, tmp_path, monkeypatch):
    """Every attempt is ended five steps on: no attempt does the work of the one before."""
    output, ends = tmp_path / "out.mkv", 0
    while not output.exists():
        with monkeypatch.context() as patch:
            crash_at(patch, 5)
            try:
                upscale(job(film, output), Lines(), Restorer())
            except Crash:
                ends += 1
    assert 3 < ends < 20
    assert_same(output, whole, ffmpeg)


def stopped(film, output, monkeypatch, step=14) -> Path:
    """A work folder of a run that was ended in the middle."""
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash_at(patch, step)
        upscale(job(film, output), Lines(), Restorer())
    return output.with_name(f"{output.name}.work")


def test_what_is_there_is_said(film, tmp_path, monkeypatch, lines):
    work = stopped(film, tmp_path / "out.mkv", monkeypatch)
    upscale(job(film, tmp_path / "out.mkv"), lines, Restorer())
    assert any(said.startswith(f"[Resume] {work}: ") and "of 4 shots and" in said for said in lines.said)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"transformer": TransformerOptions(seed=7)}, "settings.transformer.seed was 42 and is 7"),
        (
            {"target": Target(scale=0.2, allow_downscale=True)},
            "settings.target.resolution was 32 and is null",
        ),
        ({"color": ColorOptions()}, 'settings.color.method was "off" and is "auto"'),
    ],
)
def test_other_settings_are_refused_with_the_first_difference(
    change, words, film, tmp_path, monkeypatch, lines
):
    output = tmp_path / "out.mkv"
    stopped(film, output, monkeypatch)
    with pytest.raises(UsageError) as raised:
        upscale(job(film, output, **change), lines, Restorer())
    assert words in str(raised.value)
    assert "--restart" in str(raised.value)


def test_restart_begins_again(film, ffmpeg, tmp_path, monkeypatch, lines):
    output = tmp_path / "out.mkv"
    stopped(film, output, monkeypatch)
    loader = Restorer()
    again = job(film, output, transformer=TransformerOptions(seed=7), work=WorkOptions(restart=True))
    upscale(again, lines, loader)
    assert loader.calls == 6


def test_what_only_encodes_or_holds_memory_may_change(film, ffmpeg, whole, tmp_path, monkeypatch, lines):
    output = tmp_path / "out.mkv"
    stopped(film, output, monkeypatch)
    loader = Restorer()
    upscale(job(film, output, crf=20, memory=MemoryOptions(budget=1 << 30)), lines, loader)
    assert loader.calls < 6
    assert_same(output, whole, ffmpeg)


def test_another_source_is_refused(film, ffmpeg, tmp_path, monkeypatch, lines):
    copy = tmp_path / "film.mp4"
    copy.write_bytes(film.read_bytes())
    copy.with_name("cuts.txt").write_text(film.with_name("cuts.txt").read_text())
    stopped(copy, tmp_path / "out.mkv", monkeypatch)
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(bytes(data))
    with pytest.raises(UsageError, match=r"source\.sha256 was"):
        upscale(job(copy, tmp_path / "out.mkv"), lines, Restorer())


def test_other_weights_are_refused(tiny, tiny_dit, film, tmp_path, monkeypatch, lines):
    output, dit = tmp_path / "out.mkv", tmp_path / "dit.safetensors"
    dit.write_bytes(tiny_dit.read_bytes())
    given = tiny(film, output)
    options = job(film, output, model=given.model, transformer=TransformerOptions(dit=dit))
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash_at(patch, 11)
        upscale(options, lines)
    data = bytearray(dit.read_bytes())
    data[-1] ^= 1
    dit.write_bytes(bytes(data))
    with pytest.raises(UsageError, match=r"weights\.dit was"):
        upscale(options, lines)


def test_a_large_file_is_known_by_samples_of_all_of_it(tmp_path):
    path = tmp_path / "weights"
    data = np.random.default_rng(1).bytes(40 << 20)
    path.write_bytes(data)
    first = sampled_sha256(path)
    assert sampled_sha256(path) == first
    for at in (0, len(data) // 2, len(data) - (1 << 16)):
        path.write_bytes(data[:at] + bytes(1 << 16) + data[at + (1 << 16) :])
        assert sampled_sha256(path) != first
    path.write_bytes(data + b"x")
    assert sampled_sha256(path) != first
    path.write_bytes(b"small")
    small = sampled_sha256(path)
    path.write_bytes(b"smalL")
    assert sampled_sha256(path) != small


def test_a_damaged_unit_is_made_again(film, whole, ffmpeg, tmp_path, monkeypatch, lines):
    output = tmp_path / "out.mkv"
    work = stopped(film, output, monkeypatch)
    for path in [*work.glob("*.f32"), *work.glob("*.mkv")]:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 8
        path.write_bytes(bytes(data))
    upscale(job(film, output), lines, Restorer())
    told = "[Resume] damaged since they were kept, and made again where they are needed: "
    assert any(said.startswith(told) for said in lines.said)
    assert_same(output, whole, ffmpeg)


def test_a_ledger_of_another_version_is_refused_and_nothing_is_lost(film, tmp_path, monkeypatch, lines):
    output = tmp_path / "out.mkv"
    work = stopped(film, output, monkeypatch)
    units = sorted(path.name for path in work.iterdir())
    manifest = work / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace(f'"seedvr2": "{__version__}"', '"seedvr2": "0.0.1"'))
    with pytest.raises(UsageError) as raised:
        upscale(job(film, output), lines, Restorer())
    was = f'holds another run: versions.seedvr2 was "0.0.1" and is "{__version__}"'
    do = "give what was given then, --restart to begin again, or another --work-dir"
    assert str(raised.value) == f"{work}: {was}; {do}"
    manifest.write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(OutputError) as refused:
        upscale(job(film, output), lines, Restorer())
    do = "give --restart to begin again, or another --work-dir"
    assert str(refused.value) == f"{manifest}: is of format 2, this version goes on with 1; {do}"
    assert sorted(path.name for path in work.iterdir()) == units


@pytest.mark.root
def test_a_work_folder_on_a_disk_for_reading_alone_is_one_line(film, small_disk, tmp_path, lines):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    work = WorkOptions(folder=small_disk / "work")
    with pytest.raises(OutputError) as raised:
        upscale(job(film, tmp_path / "out.mkv", work=work), lines, Restorer())
    line = f"{small_disk / 'work'}: cannot be written; give an --work-dir where you may write"
    assert str(raised.value) == line


def test_a_manifest_that_was_cut_is_refused_and_nothing_is_lost(film, tmp_path, monkeypatch, lines):
    work = stopped(film, tmp_path / "out.mkv", monkeypatch)
    text = (work / "manifest.json").read_text()
    (work / "manifest.json").write_text(text[: len(text) // 2])
    units = sorted(path.name for path in work.iterdir())
    with pytest.raises(OutputError, match="is damaged: it does not say what the run was"):
        upscale(job(film, tmp_path / "out.mkv"), lines, Restorer())
    assert sorted(path.name for path in work.iterdir()) == units


def test_a_work_folder_of_ones_own(film, ffmpeg, whole, tmp_path, lines):
    work = WorkOptions(folder=tmp_path / "elsewhere")
    upscale(job(film, tmp_path / "out.mkv", work=work), lines, Restorer())
    assert any(said.startswith(f"[Work] kept in {tmp_path / 'elsewhere'}") for said in lines.said)
    assert_same(tmp_path / "out.mkv", whole, ffmpeg)
    assert not (tmp_path / "elsewhere").exists()


def test_a_short_run_keeps_nothing(film, tmp_path, lines):
    short = replace(job(film, tmp_path / "out.mkv"), time=TimeOptions())
    upscale(replace(short, reading=replace(short.reading, frames=9)), lines, Restorer())
    assert not any("[Work]" in said for said in lines.said)


def test_times_of_a_variable_rate_and_transparency_go_along(data, ffmpeg, tmp_path, lines):
    for name in ("vfr_ms.mkv", "alpha_vp9.webm"):
        results = []
        for folder in (None, tmp_path / "work"):
            output = tmp_path / f"{bool(folder)}_{name}.mkv"
            time_options = TimeOptions()
            given = job(data / "clips" / name, output, time=time_options, work=WorkOptions(folder=folder))
            upscale(given, lines, Restorer())
            results.append(output)
        assert probe(results[0], ffmpeg).video == probe(results[1], ffmpeg).video
        np.testing.assert_array_equal(frames_of(results[0], ffmpeg), frames_of(results[1], ffmpeg))


class Traced(Restorer):
    """Writes down every step that is done, so that it is known of a run that was killed too."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self._log = log
        self.transformer.restore = self._steps("w", self.restore)
        vae = self.vae
        encode, decode = vae.encode_stream, vae.decode_stream
        vae.encode_stream = lambda *a, **b: self._each("e", encode(*a, **b))
        vae.decode_stream = lambda *a, **b: self._each("d", decode(*a, **b))

    def _steps(self, letter, work):
        def run(*given):
            self._note(letter)
            return work(*given)

        return run

    def _each(self, letter, items):
        for item in items:
            self._note(letter)
            yield item

    def _note(self, letter: str) -> None:
        with self._log.open("a") as file:
            file.write(letter)


# one process has everything imported, and forks for every run
RUNS = """
import os, sys, torch
from pathlib import Path
torch.set_num_threads(1)
from tests.pipeline.conftest import Lines
from tests.pipeline.upscaling.test_resume import Traced, job
from seedvr2_cli.pipeline.upscale import upscale
film, output, log = map(Path, sys.argv[1:])
for line in sys.stdin:
    child = os.fork()
    if not child:
        upscale(job(film, output), Lines(), Traced(log))
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
WINDOWS, LATENTS, SHOTS = 6, 3 + 1 + 8 + 7, 4  # of a whole run


@dataclass(frozen=True)
class Killed:
    """met: kills that met a run at work. windows, encoded, decoded: shares of a unit done twice, in all."""

    met: int
    windows: float
    encoded: float
    decoded: float


def kill_test(film: Path, output: Path, seed: int, kills: int) -> Killed:
    """Kill so many runs at drawn instants, then let one finish."""
    draw, met, ends, log = random.Random(seed), 0, 1, output.with_name("log")
    words = [sys.executable, "-c", RUNS, film, output, log]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as runs:
        assert runs.stdin is not None
        assert runs.stdout is not None
        for _ in range(kills):
            runs.stdin.write(b"go\n")
            runs.stdin.flush()
            child = int(runs.stdout.readline())
            time.sleep(draw.uniform(0, 1.5))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
                met += 1
            assert runs.stdout.readline() == b"ended\n"
            if output.exists():  # it came to its end before
                output.unlink()
                shutil.rmtree(f"{output}.work", ignore_errors=True)  # it may have been killed in that
                ends += 1
        runs.stdin.close()
    upscale(job(film, output), Lines(), Traced(log))
    done = Counter(log.read_text())
    each = LATENTS / SHOTS  # latents of a unit, in the mean
    more = {"w": WINDOWS, "e": LATENTS, "d": LATENTS}
    twice = {letter: done[letter] - count * ends for letter, count in more.items()}
    return Killed(met, twice["w"], twice["e"] / each, twice["d"] / each)


def test_killed_runs_are_taken_up(film, whole, ffmpeg, tmp_path):
    assert kill_test(film, tmp_path / "out.mkv", 1, 4).met > 0
    assert_same(tmp_path / "out.mkv", whole, ffmpeg)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_two_hundred_kills(seed, film, whole, ffmpeg, tmp_path, record_property):
    """What is done twice is less than a unit for each kill."""
    killed = kill_test(film, tmp_path / "out.mkv", 100 + seed, 10)
    record_property("killed", str(killed))
    assert killed.met > 0
    assert 0 <= killed.windows + killed.encoded + killed.decoded < killed.met
    assert_same(tmp_path / "out.mkv", whole, ffmpeg)


def short_segments(monkeypatch, latents: int = 5) -> None:
    """Shots that are longer by half than so many latents are kept in several pieces, and any run is."""
    monkeypatch.setattr("seedvr2_cli.pipeline.upscaling.keeping.KEPT_FROM", 1)
    monkeypatch.setattr("seedvr2_cli.pipeline.upscaling.keeping.segment_latents", lambda reach: latents)


@pytest.fixture(scope="session")
def one_shot(film, tmp_path_factory) -> Path:
    """The same frames as one shot."""
    folder = tmp_path_factory.mktemp("one_shot")
    (folder / "cuts.txt").write_text("")
    (folder / "film.mp4").write_bytes(film.read_bytes())
    return folder / "film.mp4"


@pytest.mark.parametrize("method", [ColorMethod.OFF, ColorMethod.LAB])
def test_a_long_shot_is_taken_up_in_its_middle(method, one_shot, ffmpeg, tmp_path, monkeypatch):
    """Nor do segments cut the pools of frames whose color some methods take together."""
    color = ColorOptions(method=method)
    with monkeypatch.context() as patch:
        patch.setattr("seedvr2_cli.pipeline.upscaling.keeping.KEPT_FROM", 100)
        upscale(job(one_shot, tmp_path / "whole.mkv", color=color), Lines(), Restorer())
    short_segments(monkeypatch)
    output, ends, decoded = tmp_path / "out.mkv", 0, 0
    while not output.exists():
        loader = Restorer()
        with monkeypatch.context() as patch:
            crash_at(patch, 7)
            try:
                upscale(job(one_shot, output, color=color), Lines(), loader)
            except Crash:
                ends += 1
        decoded += loader.vae.decoded
    assert ends > 3
    assert decoded < 16 + ends * (5 + loader.vae.reach.decode)  # latents: not the shot again and again
    assert_same(output, tmp_path / "whole.mkv", ffmpeg)


def test_a_damaged_segment_alone_is_made_again(one_shot, ffmpeg, tmp_path, monkeypatch):
    short_segments(monkeypatch)
    upscale(job(one_shot, tmp_path / "whole.mkv"), Lines(), Restorer())
    work = stopped(one_shot, tmp_path / "out.mkv", monkeypatch, step=27)
    kept = sorted(work.glob("*.frames.mkv"))
    assert [path.name for path in kept] == ["f0-25.frames.mkv", "f25-45.frames.mkv"]
    kept[0].write_bytes(b"")
    loader = Restorer()
    upscale(job(one_shot, tmp_path / "out.mkv"), Lines(), loader)
    assert loader.calls == 0
    assert_same(tmp_path / "out.mkv", tmp_path / "whole.mkv", ffmpeg)


def test_the_real_models_are_taken_up_too(tiny, film, ffmpeg, tmp_path, monkeypatch, lines):
    """Encoder, transformer and decoder with their own rounding, stopped and not."""
    results = []
    for name, step in (("a", None), ("b", 11), ("c", 23)):
        output = tmp_path / f"{name}.mkv"
        model = tiny(film, output).model
        options = job(film, output, model=model, transformer=tiny(film, output).transformer)
        if step is not None:
            with monkeypatch.context() as patch, pytest.raises(Crash):
                crash_at(patch, step)
                upscale(options, lines)
        upscale(options, lines)
        results.append(frames_of(output, ffmpeg))
    assert all(np.array_equal(results[0], other) for other in results[1:])
    assert torch.is_grad_enabled()


@pytest.mark.slow
def test_a_real_decoder_goes_on_in_the_middle_of_a_long_shot(tiny_vae, data, ffmpeg, tmp_path, monkeypatch):
    """Its memory reaches 37 latents back: here it is begun anew behind the 42nd of 61."""
    film = tmp_path / "film.mp4"
    loop = ["-stream_loop", "1", "-i", data / "clips/bbb_180p_aac.mp4", "-vf", "scale=32:16", "-an"]
    subprocess.run([ffmpeg.path, "-v", "error", *loop, film], check=True, stdin=subprocess.DEVNULL)
    film.with_name("cuts.txt").write_text("")
    short_segments(monkeypatch, 20)
    results = []
    for name, steps in (("a", ()), ("b", (10, 7, 9, 4))):
        output = tmp_path / f"{name}.mkv"
        loader = Restorer()
        loader.vae = load_vae(tiny_vae, device="cpu", dtype="float32")
        options = job(film, output, target=Target(scale=1))
        options = replace(options, time=replace(options.time, window=81))
        for step in steps:
            with monkeypatch.context() as patch, pytest.raises(Crash):
                crash_at(patch, step)
                upscale(options, Lines(), loader)
        upscale(options, Lines(), loader)
        results.append(frames_of(output, ffmpeg))
    np.testing.assert_array_equal(*results)
