"""The two models of a job, on one device."""

from collections.abc import Callable
from dataclasses import dataclass

from seedvr2_cli.base.events import Reporter
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.model import Model, ask_gate, vae_on
from seedvr2_cli.pipeline.options import ModelOptions, TransformerOptions
from seedvr2_cli.pipeline.upscaling.transformer import Restorer, load_transformer


@dataclass(frozen=True)
class Models:
    """A VAE and a transformer."""

    vae: Model
    restorer: Restorer


ModelsLoader = Callable[[ModelOptions, TransformerOptions, Reporter], Models]


def load_models(model: ModelOptions, transformer: TransformerOptions, reporter: Reporter) -> Models:
    """Probe the device, answer --fp8 in one line, load both; the transformer first, since it is the one that
    a machine may be too small for."""
    device = probe_device(model.device)
    gate = ask_gate(device, model, reporter)
    restorer = load_transformer(device, gate, model, transformer, reporter)
    return Models(vae_on(device, gate, model, reporter), restorer)
