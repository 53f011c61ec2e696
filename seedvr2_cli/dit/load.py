"""A weight file becomes a DiT."""

import os
import time
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.base.events import Level, Line, Reporter, Silent
from seedvr2_cli.base.units import say_bytes, say_seconds
from seedvr2_cli.dit.config import DiTConfig, Variant, read_config
from seedvr2_cli.dit.limits import Choice, choose_limits
from seedvr2_cli.dit.model import DiT
from seedvr2_cli.dit.stored import Making, Weights
from seedvr2_cli.dit.tensors import expected_tensors, is_ignored
from seedvr2_cli.dit.text import find_text
from seedvr2_cli.ops.matrices import Arithmetic, check_arithmetic
from seedvr2_cli.ops.probe import choose_dtype, parse_dtype, probe_device
from seedvr2_cli.weights.assign import check_fit
from seedvr2_cli.weights.identify import FileKind, identify
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.source import TensorSource, summarise
from seedvr2_cli.weights.stored import Stored

ConfigLike = DiTConfig | Mapping[str, Any] | None
WHAT = "SeedVR2 transformer"
_UNSCALED = "F8_E4M3"


def load_dit(
    path: str | os.PathLike[str],
    config: ConfigLike = None,
    device: str = "cpu",
    dtype: str | torch.dtype = "float32",
    *,
    reporter: Reporter | None = None,
) -> DiT:
    """Load a transformer, 3B or 7B, from a safetensors, GGUF or .pth file.

    config: a mapping with the keys variant, vid_dim, heads, head_dim, num_layers, mm_layers, txt_in_dim; None
    takes what the tensors tell. device, dtype: as in `load_vae`. Raises WeightsError, also where config and
    tensors differ, UsageError, DeviceError.
    """
    found = probe_device(device)
    kind, why = dit_dtype(found, parse_dtype(dtype))
    listener = reporter or Silent()
    dit = load_onto(found, Path(path), Choice(kind, why), config=config, reporter=listener)
    _say(listener, f"Blocks: {dit.say_blocks()}")
    return dit


def dit_dtype(device: Device, wanted: Dtype) -> tuple[torch.dtype, str]:
    """The type to compute in, and why. A GPU takes bfloat16 where it can: float16 overflows in the 7B."""
    if wanted is Dtype.AUTO and device.kind == "cuda" and Dtype.BFLOAT16.value in device.dtypes:
        return torch.bfloat16, "16 bits without the overflows of float16"
    return choose_dtype(device, wanted)


def load_onto(
    device: Device, path: Path, choice: Choice, *, config: ConfigLike = None, reporter: Reporter
) -> DiT:
    """`load_dit` for a device that has been probed."""
    started = time.perf_counter()
    place = torch.device(device.torch_name)
    with open_weights(path) as source:
        _say(reporter, f"Loading {source.format} transformer: {path.name}")
        if source.misnamed:
            _say(reporter, f"The content is {source.format}, whatever the name says", Level.WARNING)
        found = check_dit(source, config)
        making = Making(place, choice.dtype, _arithmetic(choice, place, reporter))
        text, origin = find_text(source, found)
        weights = Weights(path, fitted(source, found), text)
        summary = summarise(source.specs.values())
        _warn_of_bare_fp8(source, found, reporter)
    limits = choose_limits(found, weights, making, choice, device.free_bytes)
    word = str(choice.dtype).removeprefix("torch.")
    _say(reporter, f"Path: {path.absolute()}")
    _say(reporter, f"Device: {device.torch_name} ({device.name}), {word} ({choice.why})")
    _say(reporter, f"Text: {origin}")
    model = DiT(found, weights, making, limits)
    parts = (f"{summary.parameters / 1e6:.1f} M parameters", *summary.quants, say_bytes(summary.nbytes))
    took = say_seconds(time.perf_counter() - started)
    variant = f"{found.variant.upper()}, {found.num_layers} blocks"
    line = f"Opened {summary.tensors} tensors ({variant}, {', '.join(parts)}) in {took}"
    reporter.emit(Line("DiT Loader", line, ok=True))
    return model


def check_dit(source: TensorSource, config: ConfigLike = None) -> DiTConfig:
    """The config of an open file. Raises WeightsError unless it is a whole transformer, and the one given."""
    identity = identify(source)
    if identity.kind not in (FileKind.DIT_3B, FileKind.DIT_7B):
        what = f"holds {identity.text}, not a {WHAT}"
        raise WeightsError(what, where=source.path, do="give the file of the transformer")
    found = read_config(source)
    if config is not None:
        given = config if isinstance(config, DiTConfig) else DiTConfig.from_mapping(config)
        for field in fields(DiTConfig):
            theirs, ours = getattr(found, field.name), getattr(given, field.name)
            if theirs != ours:
                what = f"{field.name} is {theirs} in its tensors, {ours} in the config"
                raise WeightsError(what, where=source.path, do="leave the config out")
    check_fit(source, expected_tensors(found), WHAT, is_ignored, "give one in its published layout")
    return found


def fitted(source: TensorSource, config: DiTConfig) -> dict[str, Stored]:
    """Every tensor that the config asks for, as stored, in its published shape."""
    expected = expected_tensors(config)
    return {name: replace(source.stored(name), shape=shape) for name, shape in expected.items()}


def _arithmetic(choice: Choice, place: torch.device, reporter: Reporter) -> Arithmetic:
    """The 8-bit form asked for, where it gives right products here; else the plain one, said in one line."""
    if choice.how is Arithmetic.PLAIN:
        return choice.how
    problem = check_arithmetic(place, choice.dtype, choice.how)
    if not problem:
        _say(reporter, f"Products: {choice.how} for the matrices of the blocks, checked against float32")
        return choice.how
    _say(reporter, f"Products: plain, since {choice.how} does not work here: {problem}", Level.WARNING)
    return Arithmetic.PLAIN


def _warn_of_bare_fp8(source: TensorSource, config: DiTConfig, reporter: Reporter) -> None:
    """All blocks of a 7B cast to float8 without scales make a grid in the picture, by their author's word."""
    matrices = [
        name
        for name in source.specs
        if name.startswith(f"blocks.{config.num_layers - 1}.") and name.endswith("proj_in.weight")
    ]
    bare = all(source.specs[n].quant == _UNSCALED and source.stored(n).scale is None for n in matrices)
    if config.variant is Variant.B7 and bare:
        text = "Every block is float8 without scales, which leaves grids; take the mixed_block35 file or Q8_0"
        _say(reporter, text, Level.WARNING)


def _say(reporter: Reporter, text: str, level: Level = Level.INFO) -> None:
    reporter.emit(Line("DiT Loader", text, level=level))
