"""A film of four shots and tiny random models, for workers that compute in one thread each."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.options import (
    ModelOptions,
    Target,
    TimeOptions,
    TransformerOptions,
    UpscaleOptions,
)
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.pipeline.upscale import upscale
from tests.dit.conftest import write_recipe as write_dit
from tests.pipeline.conftest import Lines, cut
from tests.pipeline.upscaling.conftest import TINY_DIT, TINY_VAE

CUTS, FRAMES = (9, 10, 36), 60
RAY_PROCESSES = ("raylet", "gcs_server", "ray::", "ray/_private", "default_worker")


@pytest.fixture(scope="session")
def ffmpeg():
    return describe(find_ffmpeg())


@pytest.fixture(scope="session")
def film(data, ffmpeg, tmp_path_factory) -> Path:
    """Sixty frames with sound, and the list of its shots beside it."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "cuts.txt").write_text("".join(f"{first}\n" for first in CUTS))
    return cut(ffmpeg, data / "clips/bbb_180p_aac.mp4", folder / "film.mp4", FRAMES)


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A folder with a VAE and a transformer with recipe weights."""
    folder = tmp_path_factory.mktemp("weights")
    write_recipe(folder / "vae.gguf", TINY_VAE, "F16", seed=1)
    write_dit(folder / "dit.safetensors", TINY_DIT, seed=11)
    return folder


@pytest.fixture(scope="session")
def job(film, weights):
    """The options of a run of four shots in six windows."""

    def options(output: Path, **more: Any) -> UpscaleOptions:
        given: dict[str, Any] = {
            "input": film,
            "model": ModelOptions(vae=weights / "vae.gguf", device="cpu"),
            "transformer": TransformerOptions(dit=weights / "dit.safetensors"),
            "target": Target(resolution=32, allow_downscale=True),
            "time": TimeOptions(cuts=film.with_name("cuts.txt"), window=21, overlap=1),
            "codec": Codec.X264,
            "reading": InputOptions(),
        }
        return UpscaleOptions(output=output, **given | more)

    return options


@pytest.fixture(scope="session")
def plain(job, tmp_path_factory) -> bytes:
    """The file that one process writes, in one thread."""
    output = tmp_path_factory.mktemp("plain") / "out.mp4"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        upscale(job(output), Lines())
    finally:
        torch.set_num_threads(threads)
    return output.read_bytes()


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """After the test no process of Ray is there that was not there before, and no thread of ours."""
    before = ray_processes()
    yield
    deadline = (
        time.monotonic() + 180
    )  # Ray's agents notice after a minute or two that their driver was killed
    while ray_processes() - before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ray_processes() - before == set()
    assert not [thread for thread in threading.enumerate() if thread.name == "crew"]


def ray_processes() -> set[tuple[int, str]]:
    """The processes that are Ray's, by their command lines."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            if any(word in words for word in RAY_PROCESSES):
                found.add((int(entry.name), words[:80]))
    return found
