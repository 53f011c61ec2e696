"""A weight file and a config become a VideoVAE."""

import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.base.events import Level, Line, Reporter, Silent
from seedvr2_cli.base.units import say_bytes, say_seconds
from seedvr2_cli.hub.config_file import HubOffline, find_config
from seedvr2_cli.hub.find import find_local
from seedvr2_cli.hub.known import Variant
from seedvr2_cli.hub.places import FindOptions
from seedvr2_cli.ops.kernels import Kernels
from seedvr2_cli.ops.on_cpu.heap import weights_apart
from seedvr2_cli.ops.probe import choose_dtype, parse_dtype, probe_device
from seedvr2_cli.ops.select import choose_kernels
from seedvr2_cli.ops.slot_convs import ConvChoice
from seedvr2_cli.ops.verdicts import verdicts_of
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.eight_bits import EightBits, Share, choose_convs, share_of
from seedvr2_cli.vae.engine.gain import WORTH, block_gain
from seedvr2_cli.vae.network import Network, weight_dtype
from seedvr2_cli.vae.vae import VideoVAE
from seedvr2_cli.weights.assign import assign
from seedvr2_cli.weights.identify import CONFIG_KEY, FileKind, identify
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.source import TensorSource

CONFIG_KEYS = (CONFIG_KEY, "config")  # ours, and the one that recipe files carry
CONFIG_LIMIT = 1 << 20  # bytes; the published config has less than a thousandth

ConfigLike = Mapping[str, Any] | str | os.PathLike[str] | None


def load_vae(
    path: str | os.PathLike[str],
    config: ConfigLike = None,
    device: str = "cpu",
    dtype: str | torch.dtype = "float32",
    *,
    reporter: Reporter | None = None,
) -> VideoVAE:
    """Load the video VAE from a GGUF, safetensors or .pth file.

    path: a file, or a name that is looked for on this machine, such as `nano`, the embedded model.
    config: a mapping with the published names, a JSON file, or a Hub repository `owner/name[/subfolder]`;
    None takes the one inside the weight file, then the built-in SeedVR2 config. device: `cpu`, `cuda`,
    `cuda:N`, `mps`, `auto`. dtype: `float32`, `bfloat16`, `float16`, or `auto`, which a probe of the device
    decides. reporter: gets the loader's lines. Raises WeightsError, UsageError, DeviceError.
    """
    said = reporter or Silent()
    found = find_local(os.fspath(path), (Variant.VAE,), FindOptions(), said) or Path(path)
    return load_onto(probe_device(device), found, config, parse_dtype(dtype), said)


def load_onto(
    device: Device,
    path: Path,
    config: ConfigLike,
    dtype: Dtype,
    reporter: Reporter,
    eight: EightBits | None = None,
) -> VideoVAE:
    """`load_vae` for a device that has been probed. eight: the convs that compute in 8 bits, and in what."""
    started = time.perf_counter()
    kind, why = choose_dtype(device, dtype)
    with open_weights(path) as source:
        _say(reporter, f"Loading {source.format} VAE: {path.name}")
        if source.misnamed:
            _say(reporter, f"The content is {source.format}, whatever the name says", Level.WARNING)
        found = identify(source)
        if found.kind is not FileKind.VAE:
            what = f"holds {found.text}, not a SeedVR2 VAE"
            raise WeightsError(what, where=path, do="give the file of the VAE")
        chosen, origin = choose_config(config, source, reporter)
        _say(reporter, f"Path: {path.absolute()}")
        _say(reporter, f"Config: {origin}")
        _say(reporter, f"Device: {device.torch_name} ({device.name}), {str(kind)[6:]} ({why})")
        network = Network.on_meta(chosen)
        taken = choose_convs(chosen, eight.policy) if eight else frozenset()
        place = torch.device(device.torch_name)
        choice = choose_kernels(place, kind)
        _say(reporter, f"Kernels: {choice.line}")
        with weights_apart() if place.type == "cpu" else nullcontext():
            held = assign(network, source, dtype_of=lambda name: weight_dtype(name, kind), device=place)
        stored = held.stored
    parts = (f"{stored.parameters / 1e6:.1f} M parameters", *stored.quants, say_bytes(stored.nbytes))
    took = say_seconds(time.perf_counter() - started)
    text = f"Loaded {stored.tensors} tensors ({', '.join(parts)}) in {took}"
    reporter.emit(Line("VAE Loader", text, ok=True))
    if eight and eight.must_gain and not _gains(eight, network, choice.kernels, kind, reporter):
        eight = None
    if eight:
        _say_share(eight, share_of(chosen, taken), kind, reporter)
    convs = ConvChoice(choice.whole, eight.convs if eight else None, taken if eight else frozenset())
    return VideoVAE(chosen, network, device=place, dtype=kind, kernels=choice.kernels, convs=convs)


def choose_config(config: ConfigLike, source: TensorSource, reporter: Reporter) -> tuple[VAEConfig, str]:
    """The config, and where it is from: the one given, else the file's own, else the built-in one.

    A Hub that cannot be reached counts as none given, with one line that says so. Raises WeightsError.
    """
    if isinstance(config, Mapping):
        return VAEConfig.from_mapping(config), "as given"
    if config is not None:
        try:
            return _read_config(find_config(config)), os.fspath(config)
        except HubOffline as error:
            own = "the file's own" if _embedded(source) else "the built-in"
            _say(reporter, f"{error}; taking {own} config", Level.WARNING)
    embedded = _embedded(source)
    if embedded is None:
        return VAEConfig(), "built-in (SeedVR2)"
    key, text = embedded
    return VAEConfig.from_json(text, where=f"{source.path}: {key}"), f"the file's own ({key})"


def _gains(
    eight: EightBits, network: Network, kernels: Kernels, kind: torch.dtype, reporter: Reporter
) -> bool:
    """Whether 8 bits are enough of a gain; if not, a line says so."""
    word, width = str(kind)[6:], network.decoder.conv_norm_out.num_channels
    gain = verdicts_of(kernels.device).recall(
        f"{eight.word} convs of {width} channels against {word}",
        lambda: block_gain(network, kernels, eight.convs, kind),
    )
    if gain < WORTH:
        text = f"Convs: {word}: {eight.word} is {gain:.2f} times as fast in a block here, and rounds more"
        _say(reporter, text, Level.WARNING)
    return gain >= WORTH


def _say_share(eight: EightBits, share: Share, kind: torch.dtype, reporter: Reporter) -> None:
    parts = f"{100 * share.decoding:.0f} % of decoding, {100 * share.encoding:.0f} % of encoding"
    others = f"{share.all - share.chosen} stay {str(kind)[6:]}"
    text = f"{share.chosen} of {share.all} convs in {eight.word} ({parts}), {others}"
    reporter.emit(Line(eight.part, text, ok=True))


def _embedded(source: TensorSource) -> tuple[str, str] | None:
    return next(((key, source.metadata[key]) for key in CONFIG_KEYS if key in source.metadata), None)


def _read_config(path: Path) -> VAEConfig:
    try:
        if path.stat().st_size > CONFIG_LIMIT:
            raise WeightsError(
                f"is no config: over {say_bytes(CONFIG_LIMIT)}", where=path, do="give a JSON file"
            )
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WeightsError("is no JSON text", where=path, do="give a JSON file") from error
    except OSError as error:
        raise WeightsError(f"cannot be read ({error.strerror})", where=path, do="check its rights") from error
    return VAEConfig.from_json(text, where=path)


def _say(reporter: Reporter, text: str, level: Level = Level.INFO) -> None:
    reporter.emit(Line("VAE Loader", text, level=level))
