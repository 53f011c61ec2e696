"""The work folder of a run: where it lies, whose it is, and what is said of it when the run ends early."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import DiskFull
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.files import output_error
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.ledger.durable import flush, flush_folder
from seedvr2_cli.ledger.work_folder import (
    WorkFolder,
    is_work_folder,
    open_folder,
    remove_folder,
    settle_manifest,
)
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.pipeline.options import WorkOptions


@dataclass(frozen=True)
class Keeper:
    """final: the output. identity: gives all that changes the result, as a manifest holds it."""

    final: Path
    options: WorkOptions
    identity: Callable[[], dict[str, Any]]

    @property
    def folder(self) -> Path | None:
        """Where finished units are kept, if anywhere: stdout lies in no folder."""
        if self.options.folder is not None:
            return self.options.folder
        return None if self.final == STDOUT else self.final.with_name(f"{self.final.name}.work")

    def earlier(self, owned: ExitStack) -> WorkFolder | None:
        """The work folder, where there is one already or one was asked for; this run's until owned ends.

        Raises UsageError where it is another run's, OutputError where it cannot be used.
        """
        folder = self.folder
        if folder is None or not (is_work_folder(folder) or self.options.folder):
            return None
        return self.begun(owned)

    def begun(self, owned: ExitStack) -> WorkFolder | None:
        """The work folder, made where it is missing; None where there is no place for one."""
        if self.folder is None:
            return None
        work = owned.enter_context(open_folder(self.folder, restart=self.options.restart))
        settle_manifest(self.folder, self.identity())
        return work


def say_found(work: WorkFolder, found: str, reporter: Reporter) -> None:
    """What an earlier run has left; found: nothing for a new one."""
    if found:
        reporter.emit(Line("Resume", f"{work.folder}: {found}"))
    else:
        reporter.emit(Line("Work", f"kept in {work.folder}"))
    damaged = work.damaged()
    if damaged:
        names = ", ".join(damaged[:3]) + (", ..." if len(damaged) > 3 else "")
        text = f"damaged since they were kept, and made again where they are needed: {names}"
        reporter.emit(Line("Resume", text, level=Level.WARNING))


@contextmanager
def at_work(work: WorkFolder | None, stop: Stop, reporter: Reporter) -> Iterator[None]:
    """A run that keeps its units in work: one that is told to stop, or stopped by a full disk, says so."""
    if work is None:
        yield
        return
    try:
        with stop.at_units():
            yield
    except (KeyboardInterrupt, DiskFull):
        reporter.emit(Line("Work", f"{work.folder}: what is finished is kept; the same command goes on"))
        raise


def give_up(work: WorkFolder, outputs: tuple[Path, ...]) -> None:
    """The result stands, on the disk and not in the system's memory alone: what was kept goes.

    Raises OutputError where the result does not reach the disk.
    """
    for output in outputs:
        try:
            flush(output)
            flush_folder(output.parent)
        except OSError as error:
            raise output_error(output, error) from error
    remove_folder(work.folder)
