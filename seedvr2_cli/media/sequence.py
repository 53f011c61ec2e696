"""Films as folders of numbered pictures: which files, in which order, and under which pattern."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.info import Pictures

DEFAULT_NAME = "frame_%05d.png"

_PATTERN = re.compile(r"%0?(\d*)d")
_NUMBERED = re.compile(r"(.*?)(\d+)(\.[A-Za-z]+)", re.DOTALL)
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".exr", ".dpx", ".ppm", ".tga"}


@dataclass(frozen=True)
class Sequence:
    """first: the file of the lowest number. pictures: how ffmpeg reads all of them."""

    first: Path
    pictures: Pictures


def is_pattern(path: Path) -> bool:
    """Whether a name stands for many: `frame_%05d.png`."""
    return len(_PATTERN.findall(path.name)) == 1


def find_sequence(path: Path, rate: Fraction) -> Sequence | None:
    """The pictures that a folder, or a pattern that is no file's name, stands for; None for a file.

    ffmpeg itself stops at a gap without a word. Raises MediaError for gaps, and where it is not one sequence.
    """
    try:
        if path.is_dir():
            return _one_of(path, _groups(path), rate)
        if path.exists() or not is_pattern(path) or not path.parent.is_dir():
            return None
    except (
        OSError,
        ValueError,
    ):  # a name that no file can have, or a folder that may not be read: said later
        return None
    prefix, suffix = _PATTERN.split(path.name)[::2]
    named = {key: names for key, names in _groups(path.parent).items() if key == (prefix, suffix)}
    return _one_of(path, named, rate)


def numbered(pattern: Path) -> list[Path]:
    """The files that exist under a pattern."""
    prefix, suffix = _PATTERN.split(pattern.name)[::2]
    found = _groups(pattern.parent).get((prefix, suffix), []) if pattern.parent.is_dir() else []
    return [pattern.parent / name for _, name in sorted(found)]


def _groups(folder: Path) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """(number, name) of the pictures in a folder, by what stands before and behind the number."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for entry in folder.iterdir():
        match = _NUMBERED.fullmatch(entry.name)
        if match and match[3].lower() in _SUFFIXES and entry.is_file():
            found.setdefault((match[1], match[3]), []).append((int(match[2]), entry.name))
    return found


def _one_of(path: Path, groups: dict[tuple[str, str], list[tuple[int, str]]], rate: Fraction) -> Sequence:
    if not groups:
        raise MediaError("has no numbered pictures", where=path, do="name them as frame_00001.png")
    if len(groups) > 1:
        shown = ", ".join(sorted(f"{prefix}%d{suffix}" for prefix, suffix in groups))
        raise MediaError(f"holds {len(groups)} sequences: {shown}", where=path, do="name one of them")
    ((prefix, suffix), files), *_ = groups.items()
    files.sort()
    first, last = files[0][0], files[-1][0]
    missing = sorted(set(range(first, first + len(files) + 1)) - {number for number, _ in files})
    if last - first + 1 != len(files):
        what = f"picture {missing[0]} is missing between {first} and {last}"
        raise MediaError(what, where=path, do="close the gap")
    digits = len(files[0][1]) - len(prefix) - len(suffix)
    place = f"%0{digits}d" if any(name != f"{prefix}{n}{suffix}" for n, name in files) else "%d"
    if any(name != f"{prefix}{place % n}{suffix}" for n, name in files):
        raise MediaError("its numbers are not of one form", where=path, do="name them as frame_00001.png")
    folder = path if path.is_dir() else path.parent
    pattern = "".join(part.replace("%", "%%") for part in (f"{folder.absolute()}/", prefix))
    pictures = Pictures(f"{pattern}{place}{suffix.replace('%', '%%')}", first, len(files), rate)
    return Sequence(folder / files[0][1], pictures)
