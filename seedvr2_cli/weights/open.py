"""A weight file by its content, never by its name."""

import stat
from collections.abc import Callable
from pathlib import Path

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.gguf_file import GGUFFile
from seedvr2_cli.weights.gguf_header import MAGIC
from seedvr2_cli.weights.names import with_canonical_names
from seedvr2_cli.weights.pth_file import PthFile
from seedvr2_cli.weights.safetensors_file import SafetensorsFile
from seedvr2_cli.weights.scaled import with_scales
from seedvr2_cli.weights.source import AGAIN, TensorSource, unreadable

_HEAD = 512  # bytes looked at
_WHOLE_FILES = "give a .safetensors, .gguf or .pth file"


def open_weights(path: Path) -> TensorSource:
    """Open a GGUF, safetensors or PyTorch file, with its tensors under their published names.

    The caller closes it. Raises WeightsError if it is none of these, damaged or truncated, and for 8-bit
    formats that cannot be read.
    """
    return with_scales(with_canonical_names(_reader(path, _head(path))(path)))


def _head(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise WeightsError("is a folder", where=path, do=_WHOLE_FILES)
        if not stat.S_ISREG(mode):  # a pipe would wait for its writer
            raise WeightsError("is no regular file", where=path, do=_WHOLE_FILES)
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError as error:
        raise WeightsError("no such file", where=path, do=_WHOLE_FILES) from error
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:  # a zero byte in the name
        raise WeightsError("no such file", where=path, do=_WHOLE_FILES) from error


def _reader(path: Path, head: bytes) -> Callable[[Path], TensorSource]:
    if head.startswith(MAGIC):
        return GGUFFile
    if head.startswith(b"PK\3\4"):
        return PthFile
    if head[8:9] == b"{" and head[7] == 0:  # the high byte of the header length
        return SafetensorsFile
    raise _no_weights(path, head)


def _no_weights(path: Path, head: bytes) -> WeightsError:
    """What people mistake for a weight file, in words that help."""
    text = head.lstrip().lower()
    if not head:
        return WeightsError("is empty", where=path, do=AGAIN)
    if head.startswith(b"version https://git-lfs"):
        return WeightsError(
            "is a git-lfs pointer, not the file it stands for", where=path, do="run git lfs pull"
        )
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return WeightsError("is a web page, not the file it links to", where=path, do=AGAIN)
    if head.startswith(b"\x80") and head[1:2] in b"\2\3\4\5":
        return WeightsError(
            "is a pickle in PyTorch's format before 1.6, which can run code",
            where=path,
            do="load it with the torch it came from, where you trust it, and save it as safetensors",
        )
    start = head[:16].decode("latin-1")
    is_text = start.isascii() and all(c.isprintable() or c.isspace() for c in start)
    begins = repr(start) if is_text else f"the bytes {head[:8].hex(' ')}"
    return WeightsError(f"not a weight file: begins with {begins}", where=path, do=_WHOLE_FILES)
