"""What a source is known by."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.info import MediaInfo

_PIECE = 1 << 20
_SAMPLES, _SAMPLE = 2048, 4096  # pieces, bytes of each


def fingerprint(info: MediaInfo) -> dict[str, Any]:
    """A source's name, its size in bytes and its SHA-256; of a sequence, those of its pictures one after the
    other. Raises MediaError."""
    digest, count = hashlib.sha256(), 0
    for path in _files(info):
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    count += len(piece)
        except OSError as error:
            raise MediaError(f"cannot be read any more ({error.strerror})", where=path) from error
    return {"name": info.path.name, "bytes": count, "sha256": digest.hexdigest()}


def sampled_sha256(path: Path) -> str:
    """The SHA-256 of a file's size and of 2048 pieces of 4 KiB spread over it (of one below 8 MiB: all).

    It tells one weight file from another in milliseconds, where reading all of one takes as long as a short
    run; not one that differs in a few bytes alone. Raises OSError.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size}".encode())
    with path.open("rb") as file:
        for place in range(_SAMPLES) if size > _SAMPLES * _SAMPLE else range(0):
            file.seek(place * (size - _SAMPLE) // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE))
        if size <= _SAMPLES * _SAMPLE:
            digest.update(file.read())
    return digest.hexdigest()


def is_same(info: MediaInfo, known: dict[str, Any]) -> bool:
    """Whether a source has the content of a known one, whatever its name. Raises MediaError."""
    found = fingerprint(info)
    return (found["bytes"], found["sha256"]) == (known.get("bytes"), known.get("sha256"))


def _files(info: MediaInfo) -> Iterator[Path]:
    if info.pictures is None:
        yield info.path
    else:
        numbers = range(info.pictures.first, info.pictures.first + info.pictures.count)
        yield from (Path(info.pictures.pattern % number) for number in numbers)
