"""Help is there for everything, quickly, without torch."""

import subprocess
import sys

import pytest

COMMANDS = ["decode", "encode", "compare", "shots", "inspect", "doctor", "demo", "bench", "bench vae"]
COMMANDS += ["models", "models list", "models download", "models path", "models verify"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_no_torch(command):
    code = (
        "import sys\n"
        "from seedvr2_cli.cli.app import main\n"
        "code = main(sys.argv[1:])\n"
        "heavy = {'torch', 'numpy', 'av', 'gguf', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    words = [*command.split(), "--help"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: seedvr2" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_a_help_text(run, command):
    out = run(*command.split(), "--help").out
    assert run.code == 0
    for line in out.splitlines():
        if "--" in line and "│" in line:
            assert len(line.split()) > 3, line


def test_no_command_shows_the_help(run):
    assert run().code == 0
    assert "Commands" in run.out


def test_the_version(run):
    from seedvr2_cli import __version__

    assert (run("--version").out, run.code) == (f"seedvr2 {__version__}\n", 0)
