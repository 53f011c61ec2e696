"""Write docs/options.md from the commands' own declarations: python tools/write_options.py"""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from seedvr2_cli.cli.app import app

PAGE = Path(__file__).parents[1] / "docs/options.md"
HEAD = """# Options

Made by `python tools/write_options.py`; a test compares it with the commands.
"""


def page() -> str:
    """The whole page: one table for each command."""
    commands = _commands(typer.main.get_command(app))
    return "\n".join([HEAD, *(_section(name, command) for name, command in commands)])


def _commands(group: Any, path: str = "seedvr2") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: Any) -> str:
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    table = "\n".join(["| option | default | what |", "| --- | --- | --- |", *rows])
    return f"## {name}\n\n{command.help.strip()}\n\n{table}\n"


def _row(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    if not names[0].startswith("-"):
        names = [parameter.metavar or parameter.name.upper()]
    shown = [f"`{name}`" for name in names]
    return f"| {', '.join(shown)} | {_default(parameter)} | {_help(parameter)} |"


def _default(parameter: Any) -> str:
    value = parameter.default
    if parameter.required:
        return "required"
    if value is None or value is False:
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _help(parameter: Any) -> str:
    text = " ".join((parameter.help or "").split())
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
