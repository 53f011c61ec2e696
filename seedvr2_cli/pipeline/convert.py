"""`convert`: a weight file in another format or type, one tensor in memory at a time."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli._version import __version__
from seedvr2_cli.base.choices import WeightType
from seedvr2_cli.base.errors import OutputError, UsageError, WeightsError
from seedvr2_cli.base.events import Level, Line, Progress, Reporter
from seedvr2_cli.base.files import check_output, whole_file
from seedvr2_cli.base.units import say_bytes, say_seconds
from seedvr2_cli.dit.load import check_dit
from seedvr2_cli.dit.tensors import expected_tensors
from seedvr2_cli.hub.download import sha256_of
from seedvr2_cli.hub.find import resolve
from seedvr2_cli.hub.known import Variant
from seedvr2_cli.pipeline.options import ConvertOptions, as_settings
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.vae.load import choose_config
from seedvr2_cli.vae.network import Network
from seedvr2_cli.weights.assign import check_fit, expected_shapes
from seedvr2_cli.weights.e4m3 import E4M3, MARK, MARKER, SCALE, scaled, scales_of
from seedvr2_cli.weights.identify import CONFIG_KEY, FileKind, identify
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.policy import kept_type, type_for
from seedvr2_cli.weights.source import TensorSource, check_readable, summarise
from seedvr2_cli.weights.tally import Tally, measure, measure_values
from seedvr2_cli.weights.write import PLAIN, TensorPlan, write_gguf, write_safetensors
from seedvr2_cli.weights.write_pth import write_pth

CONVERT_KEY = "seedvr2.convert"
ARCHITECTURES = {FileKind.VAE: "seedvr2_vae", FileKind.DIT_3B: "seedvr2", FileKind.DIT_7B: "seedvr2"}
DIT_CONFIG_KEY = "seedvr2.dit.config"
TORCH_SUFFIXES = (".pth", ".pt")


def convert(options: ConvertOptions, listener: Reporter) -> RunReport:
    """Run the command. Raises the errors of `base.errors`; what ends it early leaves nothing behind."""
    reporter = Recorder(listener)
    began = time.perf_counter()
    path = resolve(options.source, tuple(Variant), options.find, reporter)
    with open_weights(path) as source:
        check_output(options.output, path, overwrite=options.overwrite)
        found = identify(source)
        if found.kind not in ARCHITECTURES:
            what = f"holds {found.text}, neither a SeedVR2 VAE nor a transformer"
            raise WeightsError(what, where=path, do="give the file of one")
        if options.type is WeightType.E4M3 and found.kind is FileKind.VAE:
            raise UsageError("scaled e4m3 is for matrices, a VAE has kernels", where="--type", do="take Q8_0")
        stored = summarise(source.specs.values())
        about = f"{found.text}, {', '.join(stored.quants)}, {say_bytes(stored.nbytes)}"
        reporter.emit(Line("Convert", f"{path.name}: {about}"))
        job = _plan(source, found.kind, options, reporter)
        _check_room(options.output, job.nbytes)
        digest = sha256_of(path, reporter)
        job.metadata[CONVERT_KEY] = _history(path, digest, options)
        with whole_file(options.output, overwrite=options.overwrite) as temporary, _named(path, options):
            _write(temporary, job, options, reporter)
    size = options.output.stat().st_size
    took = say_seconds(time.perf_counter() - began)
    reporter.emit(Line("Output", f"{options.output}: {say_bytes(size)}, in {took}", ok=True))
    return RunReport(
        command="convert",
        input={"path": str(path), "bytes": path.stat().st_size, "sha256": digest},
        settings=as_settings(options),
        device={},
        plan={},
        warnings=reporter.warnings,
        outputs=(str(options.output),),
        facts={"kind": str(found.kind), "bytes": size, "groups": job.tally.facts()},
    )


@dataclass
class _Job:
    """What is written: the plan, where it is read, and what is told of it."""

    source: TensorSource
    kind: FileKind
    plan: list[TensorPlan]
    metadata: dict[str, str]
    tally: Tally

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.plan)


def _plan(source: TensorSource, kind: FileKind, options: ConvertOptions, reporter: Reporter) -> _Job:
    """Types and shapes of all tensors. Raises WeightsError for a model that is not whole."""
    suffix = options.output.suffix.lower()
    key, config, expected = _model(source, kind, options, reporter)
    plan: list[TensorPlan] = []
    for name, spec in source.specs.items():
        check_readable(source.path, spec)
        shape = expected.get(name, spec.shape)
        if options.type is None:
            quant = kept_type(spec.quant, blocks=suffix == ".gguf")
        else:
            quant = type_for(name, shape, spec.quant, options.type, kind)
        plan.append(TensorPlan(name, shape, quant))
        if quant == E4M3:
            layer = name.removesuffix(".weight")
            plan.append(TensorPlan(layer + SCALE, (shape[0], 1), "F32"))
            plan.append(TensorPlan(layer + MARK, (len(MARKER),), "U8"))
    if suffix in TORCH_SUFFIXES:
        text = "a .pth holds no metadata: config and origin are left out"
        reporter.emit(Line("Convert", text, level=Level.WARNING))
    return _Job(source, kind, plan, {key: json.dumps(config)}, Tally(source.specs))


def _model(
    source: TensorSource, kind: FileKind, options: ConvertOptions, reporter: Reporter
) -> tuple[str, dict[str, Any], Mapping[str, tuple[int, ...]]]:
    """The metadata's key for the config, the config, and the shapes it asks for, which the source has."""
    if kind is FileKind.VAE:
        vae, _ = choose_config(options.config, source, reporter)
        expected = expected_shapes(Network.on_meta(vae))
        check_fit(source, expected)
        return CONFIG_KEY, vae.to_mapping(), expected
    dit = check_dit(source)
    return DIT_CONFIG_KEY, dit.to_mapping(), expected_tensors(dit)


def _check_room(output: Path, needed: int) -> None:
    free = shutil.disk_usage(output.parent).free
    if free < needed:
        what = f"{say_bytes(needed)} to write, {say_bytes(free)} free"
        raise OutputError(what, where=output, do="free some, or give another place")


def _history(path: Path, digest: str, options: ConvertOptions) -> str:
    """Where a file is from, as its metadata says it."""
    source = {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}
    kept = str(options.type) if options.type else "as stored"
    return json.dumps({"tool": f"seedvr2 {__version__}", "type": kept, "source": source})


@contextmanager
def _named(source: Path, options: ConvertOptions) -> Iterator[None]:
    """Errors of a writer under the names that the user gave: it knows the temporary file alone."""
    try:
        yield
    except WeightsError as error:
        raise WeightsError(error.what, where=source, do=error.do) from error
    except OutputError as error:
        raise OutputError(error.what, where=options.output, do=error.do) from error


def _write(path: Path, job: _Job, options: ConvertOptions, reporter: Reporter) -> None:
    suffix = options.output.suffix.lower()
    watch = _watch(job, reporter)
    read = _reader(job)
    if suffix == ".gguf":
        architecture = ARCHITECTURES[job.kind]
        flatten = not options.native_5d
        write_gguf(
            path, job.plan, read, job.metadata, architecture=architecture, flatten=flatten, watch=watch
        )
    elif suffix in TORCH_SUFFIXES:
        write_pth(path, job.plan, read, watch)
    else:
        write_safetensors(path, job.plan, read, job.metadata, watch)


def _reader(job: _Job) -> Callable[[str], Tensor]:
    """Name -> tensor: in its own type; as the bytes it has, where these are kept; or as one of the three
    parts of a scaled e4m3 weight."""
    quants = {tensor.name: tensor.quant for tensor in job.plan}

    def read(name: str) -> Tensor:
        if name in job.source.specs:
            if quants[name] == E4M3:
                return _small(job, name)
            if quants[name] == job.source.specs[name].quant and quants[name] not in PLAIN:
                return job.source.stored(name).raw
            return job.source.read(name)
        if name.endswith(SCALE):
            return scales_of(job.source.read(name.removesuffix(SCALE) + ".weight"))
        return torch.frombuffer(bytearray(MARKER), dtype=torch.uint8)

    return read


def _small(job: _Job, name: str) -> Tensor:
    """A weight in e4m3, measured: its scales are of the whole, so this is where both are at hand."""
    weight, spec = job.source.read(name), job.source.specs[name]
    scales = scales_of(weight)
    small = scaled(weight, scales)
    group = job.tally.add(name, (spec.quant, spec.nbytes), (E4M3, small.numel() + scales.nbytes))
    measure_values(group, weight.float(), small.float() * scales)
    return small


def _watch(job: _Job, reporter: Reporter) -> Callable[[TensorPlan, Tensor, np.ndarray], None]:
    """Tells how far it is, and measures what was written."""
    done = 0

    def watch(plan: TensorPlan, tensor: Tensor, data: np.ndarray) -> None:
        nonlocal done
        done += plan.nbytes
        reporter.emit(Progress("Convert", done, job.nbytes, "bytes"))
        spec = job.source.specs.get(plan.name)
        if spec is None or plan.quant == E4M3:
            return
        group = job.tally.add(plan.name, (spec.quant, spec.nbytes), (plan.quant, plan.nbytes))
        if plan.quant != spec.quant:
            measure(group, tensor, data, plan.quant)

    return watch
