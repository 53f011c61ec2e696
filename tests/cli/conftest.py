"""Running the command line in this process and in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedvr2_cli.cli.app import main
from seedvr2_cli.media.ffmpeg import find_ffmpeg
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.vae.config import VAEConfig

TINY = VAEConfig(latent_channels=4, block_out_channels=(8, 16, 24, 24), norm_num_groups=4)


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A GGUF of the config `tiny` with recipe weights, which carries its config."""
    path = tmp_path_factory.mktemp("weights") / "tiny.gguf"
    write_recipe(path, TINY, "F16", seed=1)
    return path


@pytest.fixture
def clip(data, tmp_path) -> Path:
    """A real clip in a folder of its own."""
    path = tmp_path / "clip.mp4"
    path.write_bytes((data / "clips/Eyes_212x120.mp4").read_bytes())
    return path


@pytest.fixture(scope="session")
def worse(data, tmp_path_factory) -> Path:
    """The clip, encoded again at a low quality."""
    path = tmp_path_factory.mktemp("worse") / "worse.mp4"
    words = ["-v", "error", "-i", data / "clips/Eyes_212x120.mp4", "-crf", "38", path]
    subprocess.run([find_ffmpeg(), *words], check=True)
    return path


class Run:
    """What a command said and left: exit code, stdout, stderr."""

    def __init__(self, capsys) -> None:
        self._capsys = capsys
        self.code = 0
        self.out = self.err = ""

    def __call__(self, *words: object) -> "Run":
        self._capsys.readouterr()
        self.code = main([str(word) for word in words])
        self.out, self.err = self._capsys.readouterr()
        return self


@pytest.fixture
def run(capsys) -> Run:
    return Run(capsys)


def start(*words: object, token: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    """The program in a process of its own; its children carry the token in their environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "seedvr2_cli", *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=os.environ | {"SEEDVR2_TEST_TOKEN": token},
    )


def alive_with(token: str) -> list[str]:
    """The commands that still run with this token in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                if token.encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found
