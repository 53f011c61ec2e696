"""`upscale` with workers: this process reads, plans, keeps and writes; the models are elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from seedvr2_cli.base.choices import Dtype, OnFull
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.cluster.crew import Crew
from seedvr2_cli.cluster.session import session
from seedvr2_cli.cluster.worker import About, Assignment, Setup, Worker
from seedvr2_cli.cluster.workers import OPTION, Workers
from seedvr2_cli.ledger.manifest import read_manifest
from seedvr2_cli.ledger.work_folder import MANIFEST
from seedvr2_cli.pipeline.latents import is_latent_file
from seedvr2_cli.pipeline.model import Model
from seedvr2_cli.pipeline.options import ModelOptions, TransformerOptions, UpscaleOptions, as_settings
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.upscale import upscale
from seedvr2_cli.pipeline.upscaling.kept import KeptFilm
from seedvr2_cli.pipeline.upscaling.keys import PLAN
from seedvr2_cli.pipeline.upscaling.models import Models, ModelsLoader, load_models
from seedvr2_cli.pipeline.upscaling.transformer import Settled, Tell
from seedvr2_cli.plan.scheduler import Rules
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.vae.engine.plan import Plan, Wanted

Ask = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How workers come to be; a test may put others in their place. verbose: Ray may speak. stop: see
    `upscale`."""

    load: ModelsLoader = load_models
    rules: Rules | None = None
    kind: type[Worker] = Worker
    verbose: bool = False
    stop: Stop = field(default_factory=Stop)


def upscale_on_workers(
    options: UpscaleOptions, listener: Reporter, workers: Workers, ways: Ways | None = None
) -> RunReport:
    """Run the command, its shots made by workers. Raises the errors of `base.errors`.

    The output is that of any other number of workers of the same kind, and of `upscale` on their kind of
    device with as many threads. Whatever ends it early, the same command goes on.
    """
    ways = ways or Ways()
    _refuse(options)
    on_cpu = options.model.device == "cpu"
    with session(workers, on_cpu=on_cpu, verbose=ways.verbose) as there:
        setup = Setup(
            load=ways.load,
            model=replace(options.model, device=_device(options.model.device, gpus=there.gpus)),
            transformer=options.transformer,
            memory=options.memory,
            threads=None if there.gpus else there.threads,
            sharing=there.sharing,
            scratch=there.scratch,
        )
        with Crew(there, setup, listener, ways.rules, ways.kind) as crew:
            listener.emit(Line("Workers", _say_workers(there.room(), setup)))
            about, ask = crew.first()
            told = _told(options, about)
            chosen = replace(setup.model, dtype=told.model.dtype)
            others = _Others(crew, told, replace(setup, transformer=told.transformer, model=chosen))
            report = upscale(told, listener, _Stands(about, ask), ways.stop, others)
    return replace(report, settings=as_settings(options) | {"workers": as_settings(workers)})


def _refuse(options: UpscaleOptions) -> None:
    """Raise UsageError for what is not for workers, before Ray is started."""
    if is_latent_file(options.input):
        raise UsageError("latents go through one process", where=OPTION, do="leave it out")
    if options.model.eight.verify:
        what = "looks at a run's first frames, and each worker has its own"
        raise UsageError(what, where="--verify", do=f"leave it or {OPTION} out")
    if options.until is not None:
        raise UsageError(
            "ends one process", where="--until", do=f"leave it or {OPTION} out; Ctrl-C ends both"
        )
    if options.work.on_full is OnFull.WAIT:
        raise UsageError("is for one process", where="--on-full wait", do=f"leave it or {OPTION} out")
    device = options.model.device
    if device.startswith("cuda:"):
        do = "leave it out; CUDA_VISIBLE_DEVICES says which there are"
        raise UsageError(f"{device} is one GPU, and each worker has its own", where="--device", do=do)


def _device(name: str, *, gpus: bool) -> str:
    """What `--device` means to each worker."""
    if name == "cuda" and not gpus:
        raise UsageError(
            "Ray finds no GPU", where="--device cuda", do="look at `nvidia-smi` and `ray status`"
        )
    return "cuda" if gpus else "cpu"


def _say_workers(count: int, setup: Setup) -> str:
    what = "worker" if count == 1 else "workers"
    if setup.threads is None:
        return f"{count} {what}, a GPU each"
    return f"{count} {what} on the CPU, {setup.threads} thread{'s' if setup.threads > 1 else ''} each"


def _told(options: UpscaleOptions, about: About) -> UpscaleOptions:
    """The same options with what the first worker has chosen for all: another might measure otherwise."""
    transformer, model = options.transformer, options.model
    if set(about.kind["dtype"].values()) == {about.dtype}:
        model = replace(model, dtype=Dtype(about.dtype))
    if transformer.dit is None and about.dit is not None:
        transformer = replace(transformer, dit=about.dit.stem)
    memory = replace(options.memory, budget=about.budget)
    return replace(options, memory=memory, transformer=transformer, model=model)


@dataclass(frozen=True)
class _Others:
    """See `Others`."""

    crew: Crew
    options: UpscaleOptions
    setup: Setup

    def begin(self, film: KeptFilm, missing: Sequence[Shot]) -> None:
        manifest = read_manifest(film.work.folder / MANIFEST) or {}
        assignment = Assignment(
            options=self.options,
            setup=self.setup,
            spec=film.store.spec,
            padding=film.film.padding,
            note=film.work.note(PLAN),
            source=manifest["source"],
            scale=film.corrector.scale,
        )
        self.crew.begin(assignment, film, missing)

    def await_shot(self, shot: Shot, seen: list[int]) -> None:
        self.crew.await_shot(shot, seen)


@dataclass(frozen=True)
class _Stands:
    """Loads what stands for the models of the workers, as far as plans need them."""

    about: About
    ask: Ask

    def __call__(self, model: ModelOptions, transformer: TransformerOptions, reporter: Reporter) -> Models:
        about = self.about
        planner = self._plan if about.planned else None
        vae = Model(_FarVAE(about), about.device, about.dtype, about.gate, planner, about.vae)
        return Models(vae, _FarTransformer(about, self.ask))

    def _plan(self, wanted: Wanted) -> Plan:
        plan: Plan = self.ask("plan", wanted)
        return plan


class _FarVAE:
    """A VAE that others have."""

    def __init__(self, about: About) -> None:
        self.config, self.reach = about.config, about.reach

    def encode_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def decode_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def drop_encoder(self) -> None:
        """It is not here."""


class _FarTransformer:
    """A transformer that others have."""

    def __init__(self, about: About, ask: Ask) -> None:
        self.parts, self.path = about.parts, about.dit
        self._about, self._ask = about, ask

    path: Path | None

    def restore(self, noise: Tensor, condition: Tensor, tell: Tell) -> Tensor:
        raise NotImplementedError

    def window_bytes(self, shape: tuple[int, int, int]) -> int:
        """See Restorer."""
        return int(self._ask("window_bytes", shape))

    def settle(self, room: int | None, passes: int, reporter: Reporter) -> Settled:
        """See Restorer."""
        settled: Settled = self._ask("settle", room, passes)
        return settled

    def facts(self) -> dict[str, Any]:
        """See Restorer."""
        return self._about.transformer
