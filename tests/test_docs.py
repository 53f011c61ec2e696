"""The documents say what is so: options, commands, names and files are compared with the code."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import seedvr2_cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_page_of_options_is_the_commands_own():
    code = "import write_options; print(write_options.page(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "tools", capture_output=True, text=True, check=True
    )
    assert done.stdout == (ROOT / "docs/options.md").read_text(encoding="utf-8"), (
        "python tools/write_options.py"
    )


def test_ci_installs_and_tests_as_the_readme_says():
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    install = re.search(r"\.venv/bin/pip install (-c constraints\.txt -e '\.\[test\]')", README)
    assert install
    assert install[1] in ci
    assert ".venv/bin/python -m pytest" in README
    assert ci.rstrip().endswith("-m pytest")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_modules_that_a_page_names_are_there(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:seedvr2_cli|tests|tools|docs)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), f"{page.name} names {name}"
    for name in re.findall(r"\]\((?!https?:)([\w./-]+)\)", text):
        assert (page.parent / name).exists(), f"{page.name} links {name}"


def test_the_public_face_is_what_it_says():
    for name in seedvr2_cli.__all__:
        value = getattr(seedvr2_cli, name)
        if name == "__version__":
            continue
        assert value.__doc__
        assert f"`{name}" in README or f" {name}" in README, f"the README does not name {name}"
    with pytest.raises(AttributeError):
        seedvr2_cli.nothing_of_this_name  # noqa: B018


def test_every_public_module_and_function_has_a_docstring():
    import ast

    for path in sorted((ROOT / "seedvr2_cli").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name != "_version.py":
            assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                short = isinstance(node, ast.ClassDef) and _is_words_alone(node)
                assert short or ast.get_docstring(node), f"{path}:{node.lineno}: {node.name}"


def _is_words_alone(node) -> bool:
    """An enum of option values says what it is by its name."""
    return any(getattr(base, "id", "") == "StrEnum" for base in node.bases)


def test_the_changelog_names_every_command():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    commands = importlib.import_module("seedvr2_cli.cli.app").app.registered_commands
    for command in commands:
        assert f"`{command.name}" in text


def _commands_shown(page):
    """Every `seedvr2 ...` of the indented and fenced lines of a page, without comments and other programs."""
    for line in page.splitlines():
        for part in re.split(r"\s#\s|\||&&|>", line if line.startswith("    ") else ""):
            found = re.search(r"(?:^|/|\s)seedvr2 (.*)", part)
            if found:
                yield found[1].strip()


@pytest.mark.parametrize("words", sorted(set(_commands_shown(README))))
def test_every_command_of_the_readme_is_understood(words):
    import typer

    from seedvr2_cli.cli.app import app

    command, rest = typer.main.get_command(app), shlex.split(words)
    if rest[0] in ("--install-completion", "--version", "--help"):
        return
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context(words, rest)  # raises for an unknown option, a value that is none, a missing input
