"""A list of cuts as a text file, for `--cuts`: the number of a shot's first frame on each line.

Frames are counted from 0; that of the first shot may be left out. Behind a # stands a comment.
"""

from collections.abc import Sequence
from pathlib import Path

from seedvr2_cli.base.errors import UsageError, one_line
from seedvr2_cli.shots.find import FoundShot

MAX_BYTES = 4 << 20  # 100 hours of a cut a second, with a comment each
_MAX_DIGITS = 12


def read_cuts(path: Path, frames: int | None = None) -> tuple[int, ...]:
    """The numbers in their order, as `plan.shots.shots_of` takes them. frames: of the film, where known.

    Raises UsageError, which names the line.
    """
    cuts: list[int] = []
    for line, text in enumerate(_text(path).split("\n"), start=1):
        word = text.partition("#")[0].strip()
        if not word:
            continue
        if not word.isascii() or not word.isdecimal() or len(word) > _MAX_DIGITS:
            raise _wrong(path, line, f"{word[:40]!r} is no frame number")
        frame = int(word)
        if cuts and frame <= cuts[-1]:
            raise _wrong(path, line, f"frame {frame} is not behind frame {cuts[-1]} before it")
        if frames is not None and frame >= frames:
            raise _wrong(path, line, f"frame {frame} is beyond the film: it has {frames}, counted from 0")
        cuts.append(frame)
    return tuple(cuts)


def cuts_text(shots: Sequence[FoundShot], head: str) -> str:
    """The file that gives these shots again, what is known of them in comments. head: of the first line."""
    lines = [f"# {one_line(head)}"]
    for found in shots:
        parts = [f"{float(found.time):.3f} s", f"{found.shot.frames} frames"]
        parts += [] if found.score is None else [f"score {found.score:.2f}"]
        lines.append(f"{found.shot.first:<8}# {', '.join(parts)}")
    return "\n".join(lines) + "\n"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror.lower() if error.strerror else "cannot be read"
        raise UsageError(why, where=path, do="give a file with the first frame of a shot a line") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"is longer than {MAX_BYTES:,} bytes: no list of cuts", where=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("is no text: no list of cuts", where=path) from error


def _wrong(path: Path, line: int, what: str) -> UsageError:
    do = "list first frames of shots in their order, one a line"
    return UsageError(f"line {line}: {what}", where=path, do=do)
