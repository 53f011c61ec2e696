"""The ffmpeg program: find it, ask what it can do, and put its last words into ours."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from seedvr2_cli.base.errors import UsageError

VARIABLE = "SEEDVR2_FFMPEG"
OLDEST = (5, 1)  # the first with -fps_mode
MAX_SIDE = 16384
MAX_PIXELS = 1 << 28  # per frame: 768 MiB in 8 bits

_ANSWER_S = 60.0
_ADDRESS = re.compile(r" @ (?:0x)?[0-9a-f]+")
_VERSION = re.compile(r"ffmpeg version (\S+)")
_NUMBERS = re.compile(r"n?(\d+)\.(\d+)")

# What ffmpeg says, and what it means. The first row that fits wins: causes before their consequences.
_REASONS = (
    ("No space left on device", "no space left on the disk"),
    ("Disk quota exceeded", "the disk quota is used up"),
    ("File too large", "the file has reached the largest size allowed"),
    ("Read-only file system", "the file system is read-only"),
    ("Permission denied", "permission denied"),
    ("No such file or directory", "no such file or folder"),
    ("Cannot allocate memory", "out of memory"),
    ("moov atom not found", "the index (moov) is missing"),
    ("Invalid too big or non positive size", "the size of the picture changes"),
    ("Picture size", "the size of the picture is beyond the limit"),
    ("Unknown input format", "this ffmpeg does not know the container"),
    ("Unknown encoder", "this ffmpeg has no such encoder"),
    ("No such filter", "this ffmpeg lacks a filter"),
    ("no decoder found", "this ffmpeg has no decoder for the codec"),
    ("Decoder not found", "this ffmpeg has no decoder for the codec"),
    ("partial file", "the file is cut off"),
    ("Invalid data found when processing input", "the data is damaged"),
)


@dataclass(frozen=True)
class FFmpeg:
    """One ffmpeg program as facts."""

    path: Path
    version: str
    encoders: frozenset[str]
    filters: frozenset[str]


def find_ffmpeg(explicit: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The program to use: the explicit one, else $SEEDVR2_FFMPEG, else the one that imageio-ffmpeg brings.

    Raises UsageError if there is none.
    """
    named = str(explicit) if explicit else environ.get(VARIABLE)
    try:
        name = named or imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise UsageError("no ffmpeg found", do=f"install imageio-ffmpeg, or set {VARIABLE}") from error
    found = shutil.which(name)
    if found is None:
        where = name if explicit else f"{VARIABLE}={name}"
        raise UsageError("no such program", where=where, do="name the ffmpeg program itself")
    return Path(found).absolute()


def describe(path: Path) -> FFmpeg:
    """Ask the program at path what it is. Raises UsageError if it does not run, or is too old."""
    match = _VERSION.match(ask(path, "-version"))
    if match is None:
        raise UsageError("is not an ffmpeg program", where=path, do=f"set {VARIABLE} to one")
    version = match[1]
    numbers = _NUMBERS.match(version)  # builds from a branch have none, and are taken as new
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UsageError(f"is ffmpeg {version}", where=path, do=f"take ffmpeg {oldest} or newer")
    return FFmpeg(path, version, _names(ask(path, "-encoders")), _names(ask(path, "-filters")))


def child_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a child ffmpeg."""
    # 7.0.2's static build crashes on MPEG-TS when its iconv finds the system's modules
    return {**environ, "GCONV_PATH": "/nonexistent", "AV_LOG_FORCE_NOCOLOR": "1", "SVT_LOG": "1"}


def file_url(path: Path) -> str:
    """A name that ffmpeg takes for this local file, whatever its letters."""
    return f"file:{path.absolute()}"


def input_arguments(path: Path, container: str) -> list[str]:
    """Open path as the container that the probe found, and nothing beside it.

    A named container keeps ffmpeg from judging by the name (`frame_%03d.png` would be a pattern), and
    those that the probe accepts open no other file.
    """
    limits = ["-protocol_whitelist", "file", "-max_pixels", str(MAX_PIXELS)]
    return [*limits, "-f", container, "-i", file_url(path)]


def tidy(line: str) -> str:
    """A line of ffmpeg's log without the addresses, which differ from run to run."""
    return _ADDRESS.sub("", line).strip()


def explain(last_words: Sequence[str], exit_code: int) -> str:
    """Why ffmpeg ended, in a few of our words.

    last_words: its log; exit_code: as subprocess gives it, negative for a signal.
    """
    for said, meaning in _REASONS:
        if any(said in line for line in last_words):
            return meaning
    if exit_code < 0:
        return f"ffmpeg was stopped by {_signal_name(-exit_code)}"
    if last_words:
        return f"ffmpeg says: {last_words[-1]}"
    return f"ffmpeg ended with code {exit_code} and without a word"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ask(path: Path, *question: str) -> str:
    """What the program at path answers to arguments. Raises UsageError if it does not run."""
    try:
        done = subprocess.run(
            [path, "-hide_banner", *question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=child_environment(),
            timeout=_ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"does not run ({error})", where=path, do=f"set {VARIABLE} to an ffmpeg") from error
    return done.stdout.decode("utf-8", "replace")


def _names(listing: str) -> frozenset[str]:
    """The second column of `-encoders` or `-filters`; the legend above it has `=` there."""
    rows = (line.split() for line in listing.splitlines())
    return frozenset(row[1] for row in rows if len(row) > 2 and row[1] != "=")
