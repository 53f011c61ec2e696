"""Where a run keeps what it has finished, and whether it does."""

from contextlib import ExitStack
from pathlib import Path

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.ledger.work_folder import WorkFolder, is_work_folder, open_folder, settle_manifest
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.pipeline.upscaling.identity import identity
from seedvr2_cli.pipeline.upscaling.kept import KeptFilm
from seedvr2_cli.pipeline.upscaling.keys import PLAN
from seedvr2_cli.pipeline.upscaling.notes import plan_note
from seedvr2_cli.pipeline.upscaling.task import Decided, Task
from seedvr2_cli.plan.segments import segment_latents

KEPT_FROM = 4  # windows of a run that keeps what is finished unasked


def earlier_work(task: Task, owned: ExitStack) -> WorkFolder | None:
    """The work folder, where there is one already or one was asked for; this run's until owned ends.

    Raises UsageError where it is another run's, OutputError where it cannot be used.
    """
    folder, options = _folder(task), task.options
    if folder is None or not (is_work_folder(folder) or options.work.folder) or options.memory.plan_only:
        return None
    return _begun(task, folder, owned)


def worth_keeping(task: Task, decided: Decided, owned: ExitStack) -> WorkFolder | None:
    """A new work folder for a run that is long; None for a short one."""
    folder = _folder(task)
    if folder is None or len(decided.restoration.times.units) < KEPT_FROM:
        return None
    return _begun(task, folder, owned)


def keep_decisions(work: WorkFolder, decided: Decided) -> None:
    """What depends on the memory that was free, for the runs that go on."""
    if not work.note(PLAN):
        times, reach = decided.restoration.times, decided.film.job.vae.reach
        segment = segment_latents(max(reach.encode, reach.decode))
        work.add_note(PLAN, plan_note(times, decided.way, segment))


def say_kept(film: KeptFilm, reporter: Reporter) -> None:
    """What is there already."""
    done = film.count_done()
    if done.windows:
        shots, windows = len(film.film.shots), len(film.restoration.times.units)
        there = f"{done.shots} of {shots} shots and {done.windows} of {windows} windows are there"
        text = f"{film.work.folder}: {there}"
        reporter.emit(Line("Resume", text))
    else:
        reporter.emit(Line("Work", f"kept in {film.work.folder}"))


def _folder(task: Task) -> Path | None:
    """Where finished units are kept, if anywhere: a picture has none, and stdout lies in no folder."""
    if task.source.still:
        return None
    given, final = task.options.work.folder, task.spec.final
    return given or (None if final == STDOUT else final.with_name(f"{final.name}.work"))


def _begun(task: Task, folder: Path, owned: ExitStack) -> WorkFolder:
    work = owned.enter_context(open_folder(folder, restart=task.options.work.restart))
    settle_manifest(folder, identity(task.options, task.source, task.models, task.spec.depth, task.ffmpeg))
    return work
