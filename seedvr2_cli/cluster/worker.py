"""What runs beside each GPU: both models, loaded once, and one shot after the other. Ray's actors are it.

Only plain values and files' bytes go in and out, so that it can be tried without Ray.
"""

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.base.events import Event
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.cluster.shot_reading import ShotReading
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.ledger.work_folder import WorkFolder, open_folder
from seedvr2_cli.media.ffmpeg import FFmpeg, describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.writer import OutputSpec
from seedvr2_cli.ops.gate import Gate
from seedvr2_cli.ops.probe import torch_facts
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.fingerprint import is_same, sampled_sha256
from seedvr2_cli.pipeline.keeping.frames import FrameStore
from seedvr2_cli.pipeline.options import MemoryOptions, ModelOptions, TransformerOptions, UpscaleOptions
from seedvr2_cli.pipeline.planning import budget_of
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.pipeline.upscaling.kept import KeptFilm
from seedvr2_cli.pipeline.upscaling.keys import SOURCE, frames_key, latents_key
from seedvr2_cli.pipeline.upscaling.models import Models, ModelsLoader
from seedvr2_cli.pipeline.upscaling.notes import noted_times
from seedvr2_cli.pipeline.upscaling.task import Decided, Task, decide
from seedvr2_cli.pipeline.upscaling.transformer import Settled
from seedvr2_cli.plan.padding import Padding
from seedvr2_cli.plan.segments import Segment, segments_of
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.plan import Plan, Wanted
from seedvr2_cli.vae.reach import Reach

PIECE = 32 << 20  # bytes of a result or a source that travel at once


@dataclass(frozen=True)
class Setup:
    """How a worker begins. threads: on a CPU, None on a GPU. sharing: how many workers share the machine's
    memory. scratch: where it keeps what it is at, None: where the system keeps such things.
    """

    load: ModelsLoader
    model: ModelOptions
    transformer: TransformerOptions
    memory: MemoryOptions
    threads: int | None
    sharing: int
    scratch: Path | None

    @property
    def chooses(self) -> bool:
        """Whether a worker has to measure or look what suits it."""
        return self.model.dtype is Dtype.AUTO or self.transformer.dit is None


@dataclass(frozen=True)
class About:
    """What a worker is. Two whose `kind` is equal give the same bytes for the same shot.

    reach: of the VAE. planned: whether it has ways to choose from.
    """

    kind: dict[str, Any]
    device: Device
    dtype: str
    gate: Gate | None
    config: VAEConfig
    reach: Reach
    vae: Path | None
    dit: Path | None
    parts: int
    transformer: dict[str, Any]
    budget: int | None
    planned: bool


@dataclass(frozen=True)
class Assignment:
    """A film for workers: what was decided is in note. source: the fingerprint of its file. setup: for
    workers that join from now on."""

    options: UpscaleOptions
    setup: Setup
    spec: OutputSpec
    padding: Padding
    note: dict[str, Any]
    source: dict[str, Any]
    scale: float


@dataclass(frozen=True)
class Made:
    """A segment's frames, which wait to be fetched."""

    key: str
    note: dict[str, Any]
    bytes: int
    crc32: int


class Worker:
    """See the first line. It keeps what it is at in a folder of its own, which goes with it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._owned = ExitStack()
        folder = tempfile.TemporaryDirectory(
            prefix="seedvr2.worker.", dir=setup.scratch, ignore_cleanup_errors=True
        )
        self._folder = Path(self._owned.enter_context(folder))
        self._pulse = _Pulse()
        self._models: Models | None = None
        self._made: dict[str, Path] = {}

    def introduce(self) -> About:
        """Load both models, and tell what came of it. Raises WeightsError and DeviceError."""
        setup = self._setup
        self._limit_threads()
        self._models = models = setup.load(setup.model, setup.transformer, self._pulse)
        device, facts = models.vae.device, models.restorer.facts()
        if setup.threads is not None:
            device = replace(device, name=f"{device.name}, threads of a worker: {setup.threads}")
        paths = (models.vae.path, models.restorer.path)
        kind = {
            "seedvr2": __version__,
            "torch": torch_facts()["torch"],
            "device": {"kind": device.kind, "name": device.name},
            "dtype": {"vae": models.vae.dtype, "dit": facts.get("dtype")},
            "fp8": None if models.vae.gate is None else str(models.vae.gate.state),
            "weights": [None if path is None else sampled_sha256(path) for path in paths],
        }
        budget = budget_of(setup.memory, device)
        if budget is not None and setup.memory.budget is None:
            budget //= setup.sharing
        return About(
            kind=kind,
            device=device,
            dtype=models.vae.dtype,
            gate=models.vae.gate,
            config=models.vae.vae.config,
            reach=models.vae.vae.reach,
            vae=paths[0],
            dit=paths[1],
            parts=models.restorer.parts,
            transformer=facts,
            budget=budget,
            planned=models.vae.planner is not None,
        )

    def window_bytes(self, shape: tuple[int, int, int]) -> int:
        """See Restorer."""
        return self._loaded.restorer.window_bytes(shape)

    def settle(self, room: int | None, passes: int) -> Settled:
        """See Restorer."""
        return self._loaded.restorer.settle(room, passes, self._pulse)

    def plan(self, wanted: Wanted) -> Plan:
        """The VAE's way for what is wanted. Raises DeviceError."""
        planner = self._loaded.vae.planner
        assert planner is not None
        return planner(wanted)

    def sees(self, path: Path, known: dict[str, Any]) -> bool:
        """Whether there is a file of the known content at a path."""
        try:
            if path.is_file() and path.stat().st_size == known["bytes"]:
                return is_same(probe(path, self._ffmpeg), known)
        except (OSError, MediaError):
            pass
        return False

    def take_source(self, name: str, offset: int, piece: bytes) -> Path:
        """Write a piece of the source's file; where it will be."""
        path = self._folder / f"source{Path(name).suffix}"
        with path.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(piece)
        return path

    def begin(self, assignment: Assignment, path: Path) -> None:
        """Make ready for a film, whose file is at `path`. Raises what the plan's own making raises."""
        options = assignment.options
        self._assignment = assignment
        self._source = MediaSource(path, self._ffmpeg, options.reading)
        spec = replace(assignment.spec, path=self._folder, final=self._folder, carry=None)
        task = Task(options, self._source, spec, assignment.padding, self._loaded, self._ffmpeg)
        shots = noted_times(assignment.note).shots
        self._decided: Decided = decide(task, shots, assignment.note, StageClock(), self._pulse)
        self._work: WorkFolder = self._owned.enter_context(open_folder(self._folder / "work"))

    def make(self, first: int, stop: int, exact: bool) -> tuple[Made, ...]:
        """Make a shot's frames; what came of each of its segments.

        exact: read the source from its beginning. Raises what the stages raise.
        """
        self._limit_threads()
        shot, options, spec = Shot(first, stop), self._assignment.options, self._assignment.spec
        color = Corrector(
            method=options.color.method, strength=options.color.strength, scale=self._assignment.scale
        )
        film, work, assignment = self._decided.film, self._work, self._assignment
        restoration, clock, began = self._decided.restoration, film.job.clock, time.perf_counter()
        store = FrameStore(work, assignment.spec, assignment.padding.size, self._ffmpeg, clock)
        length = assignment.note["segment"]
        kept = KeptFilm(film, restoration, self._source, color, work, store, length, Stop())
        parts = segments_of(shot, length)
        made_of = [latents_key(part.frames) for part in parts]
        of_frames = [frames_key(part.frames) for part in parts]
        for begun in (*made_of, *of_frames, *(unit.key for unit in restoration.times.units_of(shot))):
            work.forget(begun)  # of a try that failed
        with ExitStack() as owned:
            pictures, again = (
                ShotReading(self._source, shot, self._ffmpeg, owned, alpha=alpha, exact=exact)
                for alpha in (False, spec.alpha)
            )
            for _ in kept.made(shot, pictures, again.since(first)):
                self._pulse.count += 1
        if not spec.alpha and pictures.crcs != again.crcs:
            raise MediaError("two readings gave other pictures", where=self._source.info.path)
        share = round((time.perf_counter() - began) / shot.frames, 6)
        return tuple(self._announced(part, again.crcs, share) for part in parts)

    def _announced(self, part: Segment, crcs: list[int], frame_s: float) -> Made:
        """A segment's file. crcs: of all pictures of its shot; frame_s: seconds that a frame took."""
        key, frames = frames_key(part.frames), part.frames
        path = self._work.find(key)
        assert path is not None
        self._made[key] = path
        begin = frames.first - part.shot.first
        seen = crcs[begin : begin + frames.frames]
        note = self._work.note(key) | {SOURCE: seen, "seconds": round(frame_s * frames.frames, 3)}
        return Made(key, note, *self._work.checksum(key))

    def piece(self, key: str, offset: int) -> bytes:
        """A piece of a shot's file."""
        with self._made[key].open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def forget(self, key: str) -> None:
        """A shot's file has arrived."""
        self._made.pop(key, None)
        self._work.forget(key)

    def pulse(self) -> int:
        """A number that grows as work goes on."""
        return self._pulse.count

    def close(self) -> None:
        """Leave nothing on the disk."""
        self._owned.close()

    @property
    def _loaded(self) -> Models:
        assert self._models is not None
        return self._models

    @cached_property
    def _ffmpeg(self) -> FFmpeg:
        return describe(find_ffmpeg())

    def _limit_threads(self) -> None:
        """torch counts threads for each thread that calls it."""
        if self._setup.threads is not None:
            torch.set_num_threads(self._setup.threads)


class _Pulse:
    """Counts what the stages tell: a worker that counts on is at work."""

    def __init__(self) -> None:
        self.count = 0

    def emit(self, event: Event) -> None:
        """Count it, whatever it says."""
        self.count += 1
