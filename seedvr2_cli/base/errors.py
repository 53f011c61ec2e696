"""The one family of errors, and the exit code each of them means.

    SeedVR2Error
    ├── CheckFailed    1   it ran, and the answer is no
    ├── UsageError     2   unknown or contradicting options or arguments
    │   └── ShapeError     a tensor whose size does not fit what was asked
    ├── MediaError     3   an input that cannot be read
    ├── WeightsError   4   a weight, config or latent file, or getting it
    ├── OutputError    5   exists, not writable, disk full, equal to the input
    │   └── DiskFull       no space left, or not enough for what is to come
    └── DeviceError    6   no such device, or not enough of it

Anything else that reaches the command line is a bug and ends with 70; Ctrl-C ends with 130.
"""

from typing import ClassVar

EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class SeedVR2Error(Exception):
    """One line for a person: `where: what; do`.

    what: what is wrong, with numbers. where: the file, tensor or option. do: the way out.
    """

    exit_code: ClassVar[int] = EXIT_BUG

    def __init__(self, what: str, *, where: object = "", do: str = "") -> None:
        self.what = what
        self.where = str(where)
        self.do = do
        text = f"{self.where}: {what}" if self.where else what
        super().__init__(one_line(f"{text}; {do}" if do else text))


class CheckFailed(SeedVR2Error):
    """It ran, and the answer is no."""

    exit_code = 1


class UsageError(SeedVR2Error):
    """Unknown or contradicting options or arguments."""

    exit_code = 2


class ShapeError(UsageError):
    """A tensor whose size does not fit what was asked of it."""


class MediaError(SeedVR2Error):
    """An input that cannot be read."""

    exit_code = 3


class WeightsError(SeedVR2Error):
    """A weight, config or latent file that cannot be used, or could not be had."""

    exit_code = 4


class OutputError(SeedVR2Error):
    """An output that cannot be written: it exists, is the input, or the disk is full."""

    exit_code = 5


class DiskFull(OutputError):
    """No space left, or not enough for what is to come: freeing some helps. needed: bytes, where known."""

    def __init__(self, what: str, *, where: object = "", do: str = "", needed: int = 0) -> None:
        super().__init__(what, where=where, do=do)
        self.needed = needed


class DeviceError(SeedVR2Error):
    """No such device, or not enough memory on it."""

    exit_code = 6


def one_line(text: str) -> str:
    """Fold white space and drop control characters, so that no file name can forge a second line."""
    folded = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in folded)
