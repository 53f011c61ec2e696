"""A shot's frames on their way from a worker: piece by piece, so that no memory holds them, and checked."""

import zlib
from collections.abc import Callable
from pathlib import Path

from seedvr2_cli.base.files import output_error
from seedvr2_cli.cluster.calls import Calls, Hand
from seedvr2_cli.cluster.worker import Made
from seedvr2_cli.ledger.durable import PART

Arrived = Callable[[Hand, Made, Path], None]
Wrong = Callable[[Hand, str], None]


class Fetch:
    """One result. It is written under a name that is cleared away if the run ends meanwhile.

    arrived: has the whole file, whose checksum fits. wrong: it is not what was announced.
    """

    def __init__(self, calls: Calls, made: Made, folder: Path, arrived: Arrived, wrong: Wrong) -> None:
        self._calls, self._made = calls, made
        self._arrived, self._wrong = arrived, wrong
        self._path = folder / f"{PART}{made.key}.fetched"
        self._crc32 = self._done = 0

    def begin(self, hand: Hand) -> None:
        """Ask for the first piece. Raises OutputError, as all that follows."""
        self._write(b"", "wb")
        self._next(hand)

    def _next(self, hand: Hand) -> None:
        made = self._made
        if self._done < made.bytes:
            self._calls.ask(hand, self._take, "piece", made.key, self._done)
        elif (self._crc32, self._done) == (made.crc32, made.bytes):
            self._arrived(hand, made, self._path)
        else:
            self._refuse(hand, "its frames arrived with a wrong checksum")

    def _take(self, hand: Hand, piece: bytes) -> None:
        if not piece:
            self._refuse(hand, f"{self._done} of {self._made.bytes} bytes arrived")
            return
        self._write(piece, "ab")
        self._crc32 = zlib.crc32(piece, self._crc32)
        self._done += len(piece)
        self._next(hand)

    def _write(self, piece: bytes, mode: str) -> None:
        try:
            with self._path.open(mode) as file:
                file.write(piece)
        except OSError as error:
            raise output_error(self._path, error, "--work-dir") from error

    def _refuse(self, hand: Hand, reason: str) -> None:
        self._path.unlink(missing_ok=True)
        self._wrong(hand, reason)
