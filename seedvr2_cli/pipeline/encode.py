"""`encode`: a video or image to a latent file."""

import hashlib
import time
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import MediaError, UsageError
from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.files import check_output, whole_file
from seedvr2_cli.base.units import say_bytes, say_number, say_seconds
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.frames import Clip
from seedvr2_cli.pipeline.latents import LatentInfo, LatentSpool
from seedvr2_cli.pipeline.model import ClipModel, ModelLoader, load_model
from seedvr2_cli.pipeline.options import EncodeOptions, as_settings
from seedvr2_cli.pipeline.output import LATENTS_SUFFIX
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.planning import Work, make_plan, say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.round_trip import Job, describe_plan, encoded
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.plan.geometry import padded_size

STAGES = ("encode",)


def encode(options: EncodeOptions, listener: Reporter, load: ModelLoader = load_model) -> RunReport:
    """Run the command; the latents are the posterior's mean, unscaled. Raises the errors of `base.errors`."""
    reporter = Recorder(listener)
    source = MediaSource(options.input, describe(find_ffmpeg()), options.reading)
    reporter.emit(Line("Input", source.line))
    final = options.output or options.input.with_name(f"{options.input.stem}{LATENTS_SUFFIX}.safetensors")
    if final == STDOUT:
        raise UsageError("latents are not written to stdout", where="-o -", do="give a file")
    check_output(final, options.input, overwrite=options.overwrite)
    model = load(options.model, reporter)
    size = (source.template.width, source.template.height)
    work = Work(size=size, stages=STAGES, alone=source.still)
    plan = make_plan(model, work, options.tiles, options.memory, reporter)
    job = Job(model.vae, options.tiles, StageClock(), plan, source.still)
    report = RunReport(
        command="encode",
        input=source.facts,
        settings=as_settings(options),
        device=model.facts(),
        plan=describe_plan(job, size, STAGES),
        warnings=reporter.warnings,
    )
    if options.memory.plan_only:
        return report
    began = time.perf_counter()
    with PeakMemory(model.device) as peak, ExitStack() as owned:
        temporary = owned.enter_context(whole_file(final, overwrite=options.overwrite))
        spool = owned.enter_context(LatentSpool(final.parent, half=options.half))
        config = model.vae.config
        pictures = job.clock.over("read", source.read(owned))
        clip = Clip(pictures, config.temporal_factor, config.spatial_factor)
        for mean in encoded(job, clip):
            spool.append(mean)
            reporter.emit(Progress("Encode", clip.count, source.total))
        with job.clock.stage("write"):
            spool.save(temporary, _info(source, model.vae, clip.count))
    seconds = time.perf_counter() - began
    say_peak(plan.bytes if plan else None, peak.bytes, reporter)
    held = f"{spool.count} latents of {clip.count} frames, {say_bytes(final.stat().st_size)}"
    text = f"{final}: {held}, in {say_seconds(seconds)} ({say_number(clip.count / seconds)} fps)"
    reporter.say_end(source.complaints(), text, job.clock.stages)
    return replace(
        report,
        plan=report.plan | {"frames": clip.count, "latents": spool.count},
        stages=job.clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=(str(final),),
    )


def _info(source: MediaSource, vae: ClipModel, frames: int) -> LatentInfo:
    template, factor = source.template, vae.config.spatial_factor
    width, height = template.width, template.height
    varies = source.info.video.variable_rate
    times = source.beside.take_times()
    first = times[0] if times else Fraction(0)
    return LatentInfo(
        scaling_factor=vae.config.scaling_factor,
        source=_fingerprint(source.info.path),
        frames=frames,
        width=width,
        height=height,
        padding=(padded_size(width, factor) - width, padded_size(height, factor) - height),
        rate=None if source.still else template.rate,
        depth=template.depth,
        tick=template.tick if varies else None,
        stamps=tuple(round((time - first) / template.tick) for time in times) if varies else (),
        sar=template.sar,
        color=template.color,
    )


def _fingerprint(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}
    except OSError as error:
        raise MediaError(f"cannot be read any more ({error.strerror})", where=path) from error
