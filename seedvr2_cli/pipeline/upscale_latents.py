"""`upscale` of a latent file: the transformer alone, from latents to latents."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import UsageError, WeightsError
from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.files import whole_file
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.base.units import say_bytes, say_seconds
from seedvr2_cli.ledger.work_folder import WorkFolder
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.keeping.folder import Keeper, at_work, give_up, say_found
from seedvr2_cli.pipeline.keeping.identity import file_sha256, machine_facts, weights_sha256
from seedvr2_cli.pipeline.keeping.latents import LatentStore
from seedvr2_cli.pipeline.latents import LatentFile, LatentSpool, open_latents
from seedvr2_cli.pipeline.model import ask_gate, device_facts
from seedvr2_cli.pipeline.options import ModelOptions, TransformerOptions, UpscaleOptions, as_settings
from seedvr2_cli.pipeline.output import LATENTS_SUFFIX, latents_output
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import budget_of, say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.sources import LatentSource
from seedvr2_cli.pipeline.upscaling.film import Pace
from seedvr2_cli.pipeline.upscaling.film_info import FilmInfo
from seedvr2_cli.pipeline.upscaling.keeping import KEPT_FROM
from seedvr2_cli.pipeline.upscaling.keys import PLAN
from seedvr2_cli.pipeline.upscaling.notes import noted_times, plan_note
from seedvr2_cli.pipeline.upscaling.stages import Restoration, restored, transformed
from seedvr2_cli.pipeline.upscaling.times import describe_times, largest, say_times, time_plan, window_budget
from seedvr2_cli.pipeline.upscaling.transformer import Restorer, load_transformer
from seedvr2_cli.plan.segments import segment_latents
from seedvr2_cli.plan.target import Target
from seedvr2_cli.plan.windows import TimePlan, Unit

RestorerLoader = Callable[[ModelOptions, TransformerOptions, Reporter], tuple[Device, Restorer]]


def load_restorer(
    model: ModelOptions, transformer: TransformerOptions, reporter: Reporter
) -> tuple[Device, Restorer]:
    """Probe the device, answer --fp8 in one line, load the transformer."""
    device = probe_device(model.device)
    gate = ask_gate(device, model, reporter)
    return device, load_transformer(device, gate, model, transformer, reporter)


def upscale_latents(
    options: UpscaleOptions,
    listener: Reporter,
    load: RestorerLoader = load_restorer,
    stop: Stop | None = None,
) -> RunReport:
    """Restore the latents that `encode --for-upscale` made, for `decode`. Raises the errors of `base.errors`.

    The result holds color and strength too, since the decoder's frames are what they are for. stop: asked at
    the end of every window of a run that is long enough to keep them.
    """
    reporter, clock = Recorder(listener), StageClock()
    latents = open_latents(options.input)
    source = LatentSource(latents)
    reporter.emit(Line("Input", source.line))
    film = _film_of(latents)
    _refuse_pictures(options)
    stem = f"{options.input.stem.removesuffix(LATENTS_SUFFIX)}.upscaled"
    final = latents_output(options.input, options.output, stem, overwrite=options.overwrite)
    device, restorer = load(options.model, options.transformer, reporter)
    _, _, height, width = latents.shape
    plan_only = options.memory.plan_only
    keeper = None if plan_only else Keeper(final, options.work, lambda: _identity(options, device, restorer))
    with ExitStack() as owned:
        kept = keeper.earlier(owned) if keeper else None
        note = kept.note(PLAN) if kept else {}
        if note:
            times = noted_times(note)
        else:
            budget = window_budget(options.memory, device)
            times = time_plan(film.shots, options.time, restorer, (height, width), budget)
        takes = restorer.window_bytes((largest(times), height, width))
        say_times(times, takes, reporter)
        room = budget_of(options.memory, device)
        settled = restorer.settle(None if room is None else room - takes, len(times.units), reporter)
        estimate = takes + settled.kept + settled.passing
        report = RunReport(
            command="upscale",
            input=source.facts,
            settings=as_settings(options),
            device=device_facts(device),
            plan=describe_times(times) | {"estimated_bytes": estimate},
            warnings=reporter.warnings,
            facts={"transformer": restorer.facts()},
        )
        if plan_only:
            return report
        factor = latents.info.scaling_factor
        work = Restoration(restorer, times, options.transformer.seed, factor, clock, reporter)
        pace = Pace(film.shots, reporter)
        began = time.perf_counter()
        if kept is None and keeper and len(times.units) >= KEPT_FROM:
            kept = keeper.begun(owned)
        if kept is not None:
            _begin(kept, times, reporter)
        owned.enter_context(at_work(kept, stop or Stop(), reporter))
        with PeakMemory(device) as peak:
            temporary = owned.enter_context(whole_file(final, overwrite=options.overwrite))
            spool = owned.enter_context(LatentSpool(final.parent, half=False))
            for shot in film.shots:
                read = partial(_read, latents, film.first_latent(shot))
                result = partial(transformed, work, read)
                if kept is not None:
                    result = partial(_kept, LatentStore(kept), result, stop or Stop())
                for piece in restored(work, shot, result):
                    spool.append(piece.permute(3, 0, 1, 2)[None])
                pace.say(shot)
            done = replace(film, restored=True, color=options.color.method, strength=options.color.strength)
            with clock.stage("write"):
                spool.save(temporary, replace(latents.info, film=done))
    if kept is not None:
        give_up(kept, (final,))
    seconds = time.perf_counter() - began
    say_peak(estimate, peak.bytes, reporter)
    held = f"{spool.count} latents of {latents.info.frames} frames, {say_bytes(final.stat().st_size)}"
    reporter.say_end((), f"{final}: {held}, in {say_seconds(seconds)}", clock.stages)
    return replace(
        report,
        stages=clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=(str(final),),
    )


def _kept(store: LatentStore, make: Callable[[Unit], Tensor], stop: Stop, unit: Unit) -> Tensor:
    """The result of a window, from the work folder if it is there, else kept in it."""
    if not store.has(unit.key):
        store.keep(unit.key, [make(unit)])
        stop.unit_ends()
    return store.read(unit.key)


def _begin(kept: WorkFolder, times: TimePlan, reporter: Reporter) -> None:
    """Note the windows, or say how many are there."""
    done = sum(kept.find(unit.key) is not None for unit in times.units)
    if not kept.note(PLAN):
        kept.add_note(PLAN, plan_note(times, None, segment_latents(1)))
    say_found(kept, f"{done} of {len(times.units)} windows are there" if done else "", reporter)


def _identity(options: UpscaleOptions, device: Device, restorer: Restorer) -> dict[str, Any]:
    """What changes a latent; the color that is noted for the decoder does not."""
    settings = as_settings(options)
    transformer = settings["transformer"]
    return {
        "command": "upscale latents",
        "source": {"latents": file_sha256(options.input)},
        "settings": {
            "time": settings["time"],
            "transformer": {key: transformer[key] for key in ("seed", "steps", "int8")},
        },
        "weights": {"dit": weights_sha256(restorer.path)},
    } | machine_facts(device, {"dit": restorer.facts().get("dtype")}, None)


def _read(latents: LatentFile, first: int, start: int, stop: int) -> Tensor:
    """The latents start..stop of a shot whose first is `first`."""
    return latents.read(first + start, first + stop)


def _film_of(latents: LatentFile) -> FilmInfo:
    """What the file knows of its film. Raises WeightsError where the transformer has no use for it."""
    film, where = latents.info.film, latents.path
    if film is None:
        do = "make them with seedvr2 encode --for-upscale"
        raise WeightsError("these latents were not made for upscaling", where=where, do=do)
    if film.restored:
        raise WeightsError(
            "these latents are restored already", where=where, do="give them to seedvr2 decode"
        )
    if latents.shape[1] != film.latents:
        what = f"{latents.shape[1]} latents, {film.latents} in its shots"
        raise WeightsError(what, where=where, do="encode it again")
    return film


def _refuse_pictures(options: UpscaleOptions) -> None:
    """Raise UsageError for an option that has to do with pictures, which come and go elsewhere."""
    where = {
        "--resolution or --scale": options.target != Target(),
        "--cuts": options.time.cuts is not None,
        "--codec": options.codec is not None,
        "--compare": options.compare is not None,
        "--until": options.until is not None,
        "--preview": options.preview,
    }
    for name, given in where.items():
        if given:
            do = "give it to encode --for-upscale, or to decode"
            raise UsageError("is for pictures, and these are latents", where=name, do=do)
