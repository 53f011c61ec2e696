"""What a source is known by."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.info import MediaInfo

_PIECE = 1 << 20


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
