"""The model of a job: device, weights, and the line about FP8."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.events import Level, Line, Reporter, Silent
from seedvr2_cli.hub.find import resolve
from seedvr2_cli.hub.known import Variant
from seedvr2_cli.ops.fp8 import answer_fp8, answer_int8, fp8_convs
from seedvr2_cli.ops.gate import Gate
from seedvr2_cli.ops.on_cpu.int8 import OneDNNInt8, int8_problem
from seedvr2_cli.ops.on_triton.whole import TritonConvs
from seedvr2_cli.ops.probe import choose_dtype, parse_dtype, probe_device, torch_facts
from seedvr2_cli.ops.select import choose_kernels
from seedvr2_cli.pipeline.options import Fp8Options, ModelOptions, as_settings
from seedvr2_cli.pipeline.verified import Verified
from seedvr2_cli.plan.tiles import Tile
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.eight_bits import EightBits
from seedvr2_cli.vae.engine.plan import Plan, Wanted, choose_way
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.load import load_onto
from seedvr2_cli.vae.posterior import Posterior
from seedvr2_cli.vae.reach import Reach
from seedvr2_cli.vae.vae import VideoVAE

ENGINE = "BLACKWELL_ENGINE"


class ClipModel(Protocol):
    """What a job needs of a VAE; a test may put something simpler in its place."""

    @property
    def config(self) -> VAEConfig: ...

    @property
    def reach(self) -> Reach: ...

    def encode_stream(
        self, frames: Iterable[Tensor], *, tile: Tile | None, way: Way | None, length: int | None
    ) -> Iterator[Posterior]: ...

    def drop_encoder(self) -> None: ...

    def decode_stream(
        self, latents: Iterable[Tensor], *, tile: Tile | None, way: Way | None, length: int | None
    ) -> Iterator[Tensor]: ...


Planner = Callable[[Wanted], Plan]


@dataclass(frozen=True)
class Model:
    """A loaded VAE and where it runs. dtype: the type it computes in. gate: the answer to --fp8, if asked.
    planner: chooses the way through, None for a model that has but one. path: of the weights, if they are
    a file. codes: what of it computes in 8 bits and how, None for nothing."""

    vae: ClipModel
    device: Device
    dtype: str
    gate: Gate | None
    planner: Planner | None = None
    path: Path | None = None
    codes: dict[str, Any] | None = None

    @property
    def arithmetic(self) -> Any:
        """What makes its results other than another's: its type, and what is in 8 bits."""
        return {"dtype": self.dtype} | self.codes if self.codes else self.dtype

    def facts(self) -> dict[str, Any]:
        """The device as a report shows it."""
        return device_facts(self.device) | {
            "dtype": self.dtype,
            "fp8": self.gate.facts() if self.gate else None,
        }


def device_facts(device: Device) -> dict[str, Any]:
    """A device as a report shows it."""
    return asdict(device) | {"versions": torch_facts()}


ModelLoader = Callable[[ModelOptions, Reporter], Model]


def load_model(options: ModelOptions, reporter: Reporter) -> Model:
    """Probe the device, answer --fp8 in one line, load the weights."""
    device = probe_device(options.device)
    return vae_on(device, ask_gate(device, options, reporter), options, reporter)


def ask_gate(device: Device, options: ModelOptions, reporter: Reporter) -> Gate | None:
    """The answer to --fp8, said in a line; None where nobody asks."""
    if not (options.fp8 or options.fp8_force):
        return None
    gate = answer_fp8(device, choose_dtype(device, options.dtype)[0], force=options.fp8_force)
    reporter.emit(Line(ENGINE, gate.line))
    return gate


def vae_on(device: Device, gate: Gate | None, options: ModelOptions, reporter: Reporter) -> Model:
    """Load the weights onto a device that has been probed."""
    vae, path = load_vae_on(device, gate, options, reporter)
    planner = partial(_plan, vae)
    run: ClipModel = vae
    if vae.engine.choice.eight is not None and options.eight.verify:
        run = Verified(vae, lambda: _plain(device, path, options, vae), options.eight, reporter)
    dtype, codes = str(vae.dtype).removeprefix("torch."), _codes(vae, options.eight)
    return Model(run, device, dtype, gate, planner, path, codes)


def load_vae_on(
    device: Device, gate: Gate | None, options: ModelOptions, reporter: Reporter
) -> tuple[VideoVAE, Path]:
    """The VAE, and the file it is from."""
    path = resolve(options.vae, (Variant.VAE,), options.find, reporter)
    if options.int8:
        eight = _int8(device, options, reporter)
        return load_onto(device, path, options.config, options.dtype, reporter, eight), path
    convs = fp8_convs(device, gate)
    eight = EightBits(convs, options.eight.convs) if convs else None
    dtype = options.dtype
    if eight is not None and dtype is Dtype.AUTO and device.kind != "cuda" and "bfloat16" in device.dtypes:
        dtype = Dtype.BFLOAT16  # whatever is fastest: what is not FP8 has 16 bits
    return load_onto(device, path, options.config, dtype, reporter, eight), path


def _plain(device: Device, path: Path, options: ModelOptions, like: VideoVAE) -> VideoVAE:
    """The same weights with nothing in 8 bits."""
    return load_onto(device, path, options.config, parse_dtype(like.dtype), Silent())


def _int8(device: Device, options: ModelOptions, reporter: Reporter) -> EightBits | None:
    """Integer convs, where they work; whether they are a gain, loading finds out."""
    place, dtype = torch.device(device.torch_name), choose_dtype(device, options.dtype)[0]
    if device.kind == "cuda":
        gate = answer_int8(device, dtype)
        reporter.emit(Line(ENGINE, gate.line))
        return EightBits(TritonConvs(place, torch.int8), options.eight.convs, "int8") if gate.ok else None
    problem = f"{device.name} has no integer convs"
    if device.kind == "cpu":
        kernels = choose_kernels(place, dtype).kernels
        problem = int8_problem(kernels)
        if not problem:
            own = OneDNNInt8(kernels)
            return EightBits(own, options.eight.convs, "int8", "VAE Loader", must_gain=True)
    reporter.emit(Line("VAE Loader", f"Convs: int8 is off: {problem}", level=Level.WARNING))
    return None


def _codes(vae: VideoVAE, options: Fp8Options) -> dict[str, Any] | None:
    """What of a VAE computes in 8 bits, and how."""
    eight = vae.engine.choice.eight
    if eight is None:
        return None
    codes = eight.raw_codes(1.0)
    held = None if codes is None else str(codes.dtype).removeprefix("torch.")
    return {"codes": held, "by": eight.name} | as_settings(options)


def _plan(vae: VideoVAE, wanted: Wanted) -> Plan:
    """Choose the way, and make the halves that it takes; where they take turns, the second when it begins."""
    plan = choose_way(vae.config, vae.dtype, vae.device, wanted, vae.engine.choice, vae.engine.kernels)
    vae.engine.prepare(plan.way, encoder=wanted.encodes, decoder=wanted.decodes and not wanted.in_turn)
    return plan
