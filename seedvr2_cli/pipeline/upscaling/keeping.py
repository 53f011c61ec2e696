"""Whether an upscale keeps what it has finished, what it notes first, and what it says of what is there."""

from contextlib import ExitStack

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.ledger.work_folder import WorkFolder
from seedvr2_cli.pipeline.keeping.folder import Keeper, say_found
from seedvr2_cli.pipeline.keeping.frames import FrameStore
from seedvr2_cli.pipeline.keeping.room import Need, need_of, say_need
from seedvr2_cli.pipeline.upscaling.identity import identity
from seedvr2_cli.pipeline.upscaling.kept import KeptFilm
from seedvr2_cli.pipeline.upscaling.keys import PLAN
from seedvr2_cli.pipeline.upscaling.notes import plan_note
from seedvr2_cli.pipeline.upscaling.progress import count_done
from seedvr2_cli.pipeline.upscaling.task import Decided, Task
from seedvr2_cli.plan.segments import segment_latents

KEPT_FROM = 4  # windows of a run that keeps what is finished unasked


def keeper_of(task: Task) -> Keeper | None:
    """Where a task would keep its units; None for a picture, which has none."""
    if task.source.still:
        return None
    options, spec = task.options, task.spec
    return Keeper(
        spec.final,
        options.work,
        lambda: identity(options, task.source, task.models, spec.depth, task.ffmpeg),
    )


def worth_keeping(
    task: Task, decided: Decided, owned: ExitStack, *, needed: bool = False
) -> WorkFolder | None:
    """A new work folder for a run that is long, that is to stop before its end, or for which it is needed;
    None for a short one.

    Raises UsageError where there must be one and there is no place to keep anything.
    """
    keeper, until = keeper_of(task), task.options.until
    if until is None and not needed and len(decided.restoration.times.units) < KEPT_FROM:
        return None
    work = keeper.begun(owned) if keeper else None
    if work is None:
        do = "leave it out, or give --work-dir"
        raise UsageError("nothing is kept of this run", where="--workers" if needed else "--until", do=do)
    return work


def disk_plan(task: Task, decided: Decided, work: WorkFolder | None, reporter: Reporter) -> Need:
    """What the run will write, in a line too. work: what is there needs no room any more."""
    times, options = decided.restoration.times, task.options
    frames, kept = times.shots[-1].stop, 0
    if work is not None or options.until is not None or len(times.units) >= KEPT_FROM:
        kept = 0 if keeper_of(task) is None else frames
    if work is not None and (note := work.note(PLAN)):
        kept -= count_done(times, note["segment"], lambda key: work.find(key) is not None).frames
    longest = max(shot.frames for shot in times.shots)
    need = need_of(task.spec, task.padding.size, frames, kept, longest)
    say_need(need, kept > 0, reporter)
    return need


def kept_film(task: Task, decided: Decided, color: Corrector, work: WorkFolder, stop: Stop) -> KeptFilm:
    """The film and where it is kept. What depends on the memory that was free is noted for later runs."""
    if not work.note(PLAN):
        times, reach = decided.restoration.times, decided.film.job.vae.reach
        segment = segment_latents(max(reach.encode, reach.decode))
        work.add_note(PLAN, plan_note(times, decided.way, segment))
    store = FrameStore(work, task.spec, task.padding.size, task.ffmpeg, decided.film.job.clock)
    length = work.note(PLAN)["segment"]
    return KeptFilm(decided.film, decided.restoration, task.source, color, work, store, length, stop)


def say_kept(film: KeptFilm, reporter: Reporter) -> None:
    """What is there already."""
    done, shots, windows = film.count_done(), len(film.film.shots), len(film.restoration.times.units)
    there = f"{done.shots} of {shots} shots and {done.windows} of {windows} windows are there"
    say_found(film.work, there if done.windows else "", reporter)


def say_until(film: KeptFilm, reporter: Reporter) -> None:
    """The run ends here as it was asked to, with nothing under the output's name."""
    done = film.count_done()
    of = f"{done.frames} of {film.film.frames} frames"
    text = f"{of} are kept in {film.work.folder}; the same command without --until goes on"
    reporter.emit(Line("Stop", text, ok=True))
