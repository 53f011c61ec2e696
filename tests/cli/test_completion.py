"""`seedvr2 --install-completion` gives a shell that completes commands, options and their values."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
pytestmark = pytest.mark.bash


@pytest.fixture
def home(tmp_path) -> Path:
    """A home of a user who has `seedvr2` in ~/bin."""
    program = tmp_path / "bin/seedvr2"
    program.parent.mkdir()
    program.write_text(f'#!{BASH}\nexec "{sys.executable}" -m seedvr2_cli "$@"\n')
    program.chmod(0o755)
    return tmp_path


def bash(home: Path, script: str) -> str:
    """What a bash of this user prints."""
    env = os.environ | {"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}"}
    done = subprocess.run([BASH, "-c", script], env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_one_command_installs_it_and_a_second_time_adds_nothing(home):
    for _ in range(2):
        said = bash(home, "seedvr2 --install-completion; true")  # the shell is found as the parent process
    script = home / ".bash_completions/seedvr2.sh"
    assert said.splitlines()[0] == f"bash completion installed in {script}"
    assert (home / ".bashrc").read_text().count(str(script)) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("up",), ["upscale"]),
        (("upscale", "--work-"), ["--work-dir"]),
        (("upscale", "--color", "wave"), ["wavelet", "wavelet_adaptive"]),
        (("models", ""), ["list", "download", "path", "verify"]),
    ],
)
def test_a_new_shell_completes(home, words, expected):
    bash(home, "seedvr2 --install-completion; true")
    line = " ".join(f"'{word}'" for word in ("seedvr2", *words))
    asks = f"COMP_WORDS=({line}); COMP_CWORD={len(words)}; _seedvr2_completion seedvr2"
    script = f'. ~/.bashrc; {asks}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    assert bash(home, script).split() == expected
