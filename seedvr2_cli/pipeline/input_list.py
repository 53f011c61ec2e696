"""Which inputs a command line names. No torch."""

from collections.abc import Sequence
from pathlib import Path

from seedvr2_cli.base.errors import UsageError

MAX_BYTES = 16 << 20  # of a list of inputs


def listed(words: Sequence[Path]) -> tuple[Path, ...]:
    """The inputs of a command line: `@FILE` stands for the paths in a file, one a line. Raises UsageError."""
    inputs: list[Path] = []
    for word in words:
        if not str(word).startswith("@") or word.exists():
            inputs.append(word)
            continue
        path = Path(str(word)[1:])
        try:
            if path.stat().st_size > MAX_BYTES:
                raise UsageError("is too long for a list of inputs", where=path)
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            do = "give @FILE with a path on each line"
            raise UsageError("cannot be read as a list of inputs", where=path, do=do) from error
        inputs += [Path(line.strip()) for line in lines if line.strip()]
    if not inputs:
        raise UsageError("names no input", where=", ".join(map(str, words)), do="list a path on each line")
    return tuple(inputs)
