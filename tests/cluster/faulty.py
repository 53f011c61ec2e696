"""Workers that go wrong once; a file in `SEEDVR2_TEST_FAULT` says that it has happened."""

import os
import time
from dataclasses import replace
from pathlib import Path

from seedvr2_cli.cluster.worker import Made, Worker

PLACE = "SEEDVR2_TEST_FAULT"


def first_time() -> bool:
    """Whether nobody else went wrong before."""
    try:
        (Path(os.environ[PLACE]) / "happened").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Hangs(Worker):
    """Its first shot never ends, and it makes no progress."""

    def make(self, first: int, stop: int, exact: bool) -> tuple[Made, ...]:
        if first_time():
            while True:
                time.sleep(1)
        return super().make(first, stop, exact)


class Dies(Worker):
    """Its first shot is its last."""

    def make(self, first: int, stop: int, exact: bool) -> tuple[Made, ...]:
        if first_time():
            os._exit(1)
        return super().make(first, stop, exact)


class Corrupts(Worker):
    """A bit of its first result is another one."""

    def piece(self, key: str, offset: int) -> bytes:
        data = super().piece(key, offset)
        return data[:-1] + bytes([data[-1] ^ 1]) if first_time() else data


class ReadsOthers(Worker):
    """It says of its first shot that it was made of other pictures than the source's."""

    def make(self, first: int, stop: int, exact: bool) -> tuple[Made, ...]:
        if first_time():
            (made,) = super().make(first, stop, exact)
            return (replace(made, note=made.note | {"source": [0] * (stop - first)}),)
        return super().make(first, stop, exact)


class FailsOne(Worker):
    """The shot that begins at frame 10 cannot be made."""

    def make(self, first: int, stop: int, exact: bool) -> tuple[Made, ...]:
        if first == 10:
            raise ValueError("no such luck")
        return super().make(first, stop, exact)


class BadWeights(Worker):
    """It cannot load."""

    def introduce(self):
        from seedvr2_cli.base.errors import WeightsError

        raise WeightsError("is none", where="dit.gguf", do="get it again")
