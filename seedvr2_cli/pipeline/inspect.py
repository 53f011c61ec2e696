"""`inspect`: what a weight, latent or media file holds, without loading it."""

import json
from pathlib import Path
from typing import Any

from seedvr2_cli.base.errors import MediaError, WeightsError
from seedvr2_cli.base.events import Silent
from seedvr2_cli.hub.find import find_local
from seedvr2_cli.hub.known import Variant
from seedvr2_cli.hub.places import FindOptions
from seedvr2_cli.pipeline.inspect_media import inspect_media
from seedvr2_cli.pipeline.latents import LatentInfo
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network
from seedvr2_cli.weights.assign import check_fit, expected_shapes
from seedvr2_cli.weights.identify import CONFIG_KEY, LATENTS_KEY, FileKind, identify
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.source import TensorSource, summarise

SHOWN_METADATA = 500  # characters of a value


def inspect(file: Path, find: FindOptions, *, every: bool = False) -> RunReport:
    """Read the headers of a file, or of weights by their name; every: decode all of a film too. Raises
    WeightsError and MediaError."""
    path = find_local(str(file), tuple(Variant), find, Silent()) or file
    try:
        opened = open_weights(path)
    except WeightsError as no_weights:
        try:
            return inspect_media(path, every=every)
        except MediaError as error:
            if error.what.startswith(("is ", "no such")):  # neither the one nor the other
                raise no_weights from error
            raise
    with opened as source:
        found = identify(source)
        stored = summarise(source.specs.values())
        facts: dict[str, Any] = {
            "format": str(source.format),
            "misnamed": source.misnamed,
            "kind": str(found.kind),
            "description": found.text,
            "tensor_count": stored.tensors,
            "parameters": stored.parameters,
            "tensor_bytes": stored.nbytes,
            "quant_types": list(stored.quants),
            "metadata": {key: value[:SHOWN_METADATA] for key, value in source.metadata.items()},
            "tensors": [
                {"name": s.name, "shape": list(s.shape), "type": s.quant, "bytes": s.nbytes}
                for s in source.specs.values()
            ],
        }
        if found.kind is FileKind.VAE:
            facts |= _vae_facts(source)
        if found.kind is FileKind.LATENTS:
            info = LatentInfo.from_json(source.metadata[LATENTS_KEY], where=path)
            facts["latents"] = json.loads(info.to_json())
    size = path.stat().st_size
    return RunReport(
        command="inspect",
        input={"path": str(path), "bytes": size},
        settings={},
        device={},
        plan={},
        facts=facts,
    )


def _vae_facts(source: TensorSource) -> dict[str, Any]:
    """The config in use without --config, where it is from, and whether the tensors fit it."""
    text = source.metadata.get(CONFIG_KEY)
    try:
        config = VAEConfig.from_json(text, where=CONFIG_KEY) if text is not None else VAEConfig()
        check_fit(source, expected_shapes(Network.on_meta(config)))
    except WeightsError as error:
        return {"complete": False, "problem": str(error)}
    return {
        "complete": True,
        "config": config.to_mapping(),
        "config_source": CONFIG_KEY if text is not None else "built-in",
    }
