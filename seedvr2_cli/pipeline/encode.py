"""`encode`: a video or image to a latent file."""

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seedvr2_cli.base.events import Line, Progress, Reporter
from seedvr2_cli.base.files import whole_file
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.base.units import say_bytes, say_number, say_seconds
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.pipeline import round_trip
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.coded_memory import told
from seedvr2_cli.pipeline.fingerprint import fingerprint
from seedvr2_cli.pipeline.frames import Clip
from seedvr2_cli.pipeline.keeping.clip import Decisions, KeptLatents, worth_keeping
from seedvr2_cli.pipeline.keeping.folder import Keeper, at_work, give_up
from seedvr2_cli.pipeline.keeping.identity import machine_facts, source_facts, weights_sha256
from seedvr2_cli.pipeline.keeping.room import again_when_room, check_need, latents_need, say_need
from seedvr2_cli.pipeline.latents import LatentInfo, LatentSpool
from seedvr2_cli.pipeline.model import ClipModel, Model, ModelLoader, load_model
from seedvr2_cli.pipeline.options import EncodeOptions, FilmOptions, as_settings
from seedvr2_cli.pipeline.output import latents_output
from seedvr2_cli.pipeline.peak import PeakMemory
from seedvr2_cli.pipeline.pieces import Pieces
from seedvr2_cli.pipeline.planning import make_plan, say_peak
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.round_trip import Job, describe_plan
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscaling import stages
from seedvr2_cli.pipeline.upscaling.film_info import FilmInfo
from seedvr2_cli.pipeline.upscaling.stages import Film, prepared
from seedvr2_cli.pipeline.upscaling.times import check_readable, choose_cutter, film_shots, say_target
from seedvr2_cli.plan.geometry import padded_size
from seedvr2_cli.plan.padding import padding_of
from seedvr2_cli.plan.segments import segment_starts, segments_of
from seedvr2_cli.plan.shots import GROUP, Shot
from seedvr2_cli.plan.slices import latent_count
from seedvr2_cli.shots.cuts_file import read_cuts
from seedvr2_cli.vae.engine.plan import Wanted

STAGES = ("encode",)


def encode(
    options: EncodeOptions, listener: Reporter, load: ModelLoader = load_model, stop: Stop | None = None
) -> RunReport:
    """Run the command; the latents are the posterior's mean, unscaled. stop: asked at the end of every
    segment that is kept.

    Raises the errors of `base.errors`, and KeyboardInterrupt where it was told to stop. Of a long run, what
    was finished stays in its work folder, and the same call goes on there.
    """
    return again_when_room(
        lambda: _encode(options, listener, load, stop or Stop()), options.work.on_full, listener
    )


def _encode(options: EncodeOptions, listener: Reporter, load: ModelLoader, stop: Stop) -> RunReport:
    reporter, clock = Recorder(listener), StageClock()
    source = MediaSource(options.input, describe(find_ffmpeg()), options.reading)
    reporter.emit(Line("Input", source.line))
    final = latents_output(options.input, options.output, options.input.stem, overwrite=options.overwrite)
    preparation = _ForUpscale(source, options.film) if options.film else _AsItIs(source)
    model = load(options.model, reporter)
    preparation.look(reporter, clock)
    keeper = _keeper(options, source, final, model)
    with ExitStack() as owned:
        work = keeper.earlier(owned) if keeper else None
        decisions = Decisions.noted(work, model.vae.reach, options.memory.cache_folder)
        wanted = Wanted(
            size=preparation.size, alone=source.still, encodes=True, decodes=False, way=decisions.way
        )
        plan = make_plan(model, wanted, options.tiles, options.memory, reporter)
        device = torch.device(model.device.torch_name)
        job = Job(told(model.vae, plan, reporter), options.tiles, clock, plan, source.still, device)
        latents = None if source.total is None else latent_count(source.total, GROUP)
        keeps = not source.still and worth_keeping(latents, decisions.length)
        disk = latents_need(latents or 0, _latent_bytes(model.vae, preparation.size), kept=keeps)
        if latents is not None and not source.still:
            say_need(disk, keeps, reporter)
        report = RunReport(
            command="encode",
            input=source.facts,
            settings=as_settings(options),
            device=model.facts(),
            plan=describe_plan(job, preparation.size, STAGES) | {"disk_bytes": asdict(disk)},
            warnings=reporter.warnings,
        )
        if options.memory.plan_only:
            return report
        began = time.perf_counter()
        if work is None:
            work = keeper.begun(owned) if keeper and keeps else None
            check_need(disk, work.folder if work else None, final)
        owned.enter_context(at_work(work, stop, reporter))
        with PeakMemory(model.device) as peak:
            temporary = owned.enter_context(whole_file(final, overwrite=options.overwrite))
            spool = owned.enter_context(LatentSpool(final.parent, half=options.half))
            means = partial(preparation.means, job, owned, reporter)
            if work is not None:
                decisions.note(work, plan, source.total)
                starts = preparation.starts(decisions.length)
                made = KeptLatents(work, starts, stop, reporter).means(means)
            else:
                made = means(0, False)
            for mean in made:
                spool.append(mean)
            with clock.stage("write"):
                info = preparation.info(model.vae, source.beside.take_times())
                spool.save(temporary, info)
    if work is not None:
        give_up(work, (final,))
    seconds = time.perf_counter() - began
    say_peak(plan.bytes if plan else None, peak.bytes, reporter)
    held = f"{spool.count} latents of {info.frames} frames, {say_bytes(final.stat().st_size)}"
    text = f"{final}: {held}, in {say_seconds(seconds)} ({say_number(info.frames / seconds)} fps)"
    reporter.say_end(source.complaints(), text, clock.stages)
    return replace(
        report,
        plan=report.plan
        | {"frames": info.frames, "latents": spool.count}
        | {"work_folder": str(work.folder) if work else None},
        stages=clock.stages,
        peak_bytes=peak.bytes,
        warnings=reporter.warnings,
        outputs=(str(final),),
    )


def _keeper(options: EncodeOptions, source: MediaSource, final: Path, model: Model) -> Keeper | None:
    """Where the run would keep its segments; None for a picture, for a pipe, which cannot be read again, and
    for a plan alone."""
    if source.still or source.info.piped or options.memory.plan_only:
        return None

    def identity() -> dict[str, Any]:
        film = options.film
        settings = as_settings(options)
        if film is not None and film.time.cuts is not None:
            settings["film"]["time"]["cuts"] = list(read_cuts(film.time.cuts))
        return {
            "command": "encode",
            "source": source_facts(source),
            "settings": {key: settings[key] for key in ("tiles", "reading", "film")}
            | {"int8_cache": options.memory.codes_memory},
            "weights": {"vae": weights_sha256(model.path)},
        } | machine_facts(model.device, {"vae": model.arithmetic}, describe(find_ffmpeg()))

    return Keeper(final, options.work, identity)


def _latent_bytes(vae: ClipModel, size: tuple[int, int]) -> int:
    """Of one latent in float32. size: (width, height) of the pictures."""
    factor = vae.config.spatial_factor
    width, height = (padded_size(side, factor) // factor for side in size)
    return 4 * vae.config.latent_channels * width * height


class _AsItIs:
    """A source's own pictures, as one clip. size: (width, height) that goes through the encoder."""

    def __init__(self, source: MediaSource) -> None:
        self._source = source
        self.size = source.size

    def look(self, reporter: Reporter, clock: StageClock) -> None:
        """Nothing need be known ahead."""

    def starts(self, length: int) -> Iterator[int]:
        """The latents at which segments of about `length` begin that may be kept, the first 0."""
        return segment_starts(length)

    def means(
        self, job: Job, owned: ExitStack, reporter: Reporter, kept: int, whole: bool
    ) -> Iterator[Tensor]:
        """The latents behind those that are kept, (1, C, t, h, w) at a time. whole: those are all."""
        config = job.vae.config
        early = max(0, kept - job.vae.reach.encode)
        pictures = job.clock.over("read", self._source.read(owned))
        deque(islice(pictures, None if whole else GROUP * early), maxlen=0)
        if whole:
            return
        clip = Clip(pictures, config.temporal_factor, config.spatial_factor)
        made = Pieces(mean.transpose(0, 2) for mean in round_trip.encoded(job, clip))
        for mean in made.skip(kept - early).take(sys.maxsize):
            yield mean.transpose(0, 2)
            reporter.emit(Progress("Encode", GROUP * early + clip.count, self._source.total))

    def info(self, vae: ClipModel, times: Sequence[Fraction]) -> LatentInfo:
        """What stands beside the latents. times: of all frames that were read."""
        template, factor = self._source.template, vae.config.spatial_factor
        width, height = template.width, template.height
        varies = self._source.info.video.variable_rate
        return LatentInfo(
            scaling_factor=vae.config.scaling_factor,
            source=fingerprint(self._source.info),
            frames=len(times),
            width=width,
            height=height,
            padding=(padded_size(width, factor) - width, padded_size(height, factor) - height),
            rate=None if self._source.still else template.rate,
            depth=template.depth,
            tick=template.tick if varies else None,
            stamps=tuple(round((time - times[0]) / template.tick) for time in times) if varies else (),
            sar=template.sar,
            color=template.color,
        )


class _ForUpscale(_AsItIs):
    """A source's pictures as `upscale` prepares them, each shot a clip of its own."""

    def __init__(self, source: MediaSource, options: FilmOptions) -> None:
        """Raises UsageError."""
        super().__init__(source)
        check_readable(source)
        self._options, self._shots = options, tuple[Shot, ...]()
        self._cutter = choose_cutter(source, options.time)
        own = (source.template.width, source.template.height)
        self._padding = padding_of(options.target.size_of(own), options.pad)
        self.size = self._padding.padded

    def look(self, reporter: Reporter, clock: StageClock) -> None:
        """Find the shots."""
        self._shots = film_shots(self._source, self._cutter, reporter, clock)
        say_target(self._padding, reporter)
        reporter.emit(Line("Plan", f"{self._shots[-1].stop} frames, {len(self._shots)} shots"))

    def starts(self, length: int) -> Iterator[int]:
        """Segments do not reach over cuts."""
        first = 0
        for shot in self._shots:
            yield from (first + part.start for part in segments_of(shot, length))
            first += shot.latents

    def means(
        self, job: Job, owned: ExitStack, reporter: Reporter, kept: int, whole: bool
    ) -> Iterator[Tensor]:
        """As of any clip, shot by shot."""
        film = Film(job, self._shots, self._padding, reporter)
        pictures = self._source.read(owned)
        for shot in self._shots:
            begin = min(kept, shot.latents)
            kept -= begin
            if begin == shot.latents:
                deque(islice(pictures, shot.frames), maxlen=0)
                continue
            early = max(0, begin - job.vae.reach.encode)
            deque(islice(pictures, GROUP * early), maxlen=0)
            made = Pieces(stages.encoded(film, shot, prepared(film, pictures), early)).skip(begin - early)
            for piece in made.take(shot.latents - begin):
                yield piece.permute(3, 0, 1, 2)[None]

    def info(self, vae: ClipModel, times: Sequence[Fraction]) -> LatentInfo:
        """With shots, padding and how to read the source again."""
        padding, source = self._padding, self._source
        (width, height), (wide, high) = padding.size, padding.padded
        film = FilmInfo(
            shots=self._shots,
            pad=self._options.pad,
            path=str(source.info.path.absolute()),
            reading=source.options,
        )
        return replace(
            super().info(vae, times),
            width=width,
            height=height,
            padding=(wide - width, high - height),
            film=film,
        )
