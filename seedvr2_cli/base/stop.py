"""A run that is asked to end ends where a unit does, if it keeps units: nothing is then done twice."""

from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """asked: the run is to end at the next unit's end. has_units: such an end will come."""

    def __init__(self) -> None:
        self.asked = False
        self.has_units = False

    @contextmanager
    def at_units(self) -> Iterator[None]:
        """While the block runs, units are finished one after the other."""
        self.has_units = True
        try:
            yield
        finally:
            self.has_units = False

    def unit_ends(self) -> None:
        """A unit is finished and kept. Raises KeyboardInterrupt where that is to be the last."""
        if self.asked:
            raise KeyboardInterrupt
