"""The shape of a video VAE, under the published names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from seedvr2_cli.base.errors import WeightsError

DIFFUSERS_DEFAULT_SCALING = 0.18215  # stands in configs whose writer did not set it; never this model's
MAX_BLOCKS, MAX_LAYERS, MAX_WIDTH = 8, 16, 8192  # bounds for files from outside, far above any real model

# fields that would change the network, with the only value that this one has (spec/vae.md 1.1)
_FIXED: Mapping[str, object] = {
    "act_fn": "silu",
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    "time_receptive_field": "full",
    "slicing_up_num": 0,
    "mid_block_add_attention": True,
}
_BLOCK_TYPES = {"down_block_types": "DownEncoderBlock3D", "up_block_types": "UpDecoderBlock3D"}


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """Built-in values are those of the published SeedVR2 VAE. Raises WeightsError on values that fit no
    network.

    block_out_channels: widths in encoder order. temporal_scale_num: halvings of time in the encoder.
    slicing_sample_min_size: frames in a time slice. scaling_factor: what the transformer's side multiplies
    latents by; the VAE itself never applies it. Source: spec/vae.md 1.1.
    """

    in_channels: int = 3
    out_channels: int = 3
    latent_channels: int = 16
    block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    layers_per_block: int = 2
    norm_num_groups: int = 32
    temporal_scale_num: int = 2
    slicing_sample_min_size: int = 4
    scaling_factor: float = 0.9152

    def __post_init__(self) -> None:
        if not 1 <= len(self.block_out_channels) <= MAX_BLOCKS:
            raise _wrong("block_out_channels", list(self.block_out_channels), f"1 to {MAX_BLOCKS} widths")
        for width in self.block_out_channels:
            _check_range("block_out_channels", width, 1, MAX_WIDTH)
        _check_range("layers_per_block", self.layers_per_block, 1, MAX_LAYERS)
        _check_range("temporal_scale_num", self.temporal_scale_num, 0, MAX_BLOCKS)
        _check_range("slicing_sample_min_size", self.slicing_sample_min_size, 1, 1 << 16)
        for name in ("in_channels", "out_channels", "latent_channels", "norm_num_groups"):
            _check_range(name, getattr(self, name), 1, MAX_WIDTH)
        for width in self.block_out_channels:
            if width % self.norm_num_groups:
                raise _wrong("norm_num_groups", self.norm_num_groups, f"a divisor of the width {width}")
        if not 0 < self.scaling_factor < 1e3:
            raise _wrong("scaling_factor", self.scaling_factor, "above 0")

    @property
    def spatial_factor(self) -> int:
        """Pixels per latent along each side of the picture."""
        return 2 ** (len(self.block_out_channels) - 1)

    @property
    def temporal_factor(self) -> int:
        """Frames per latent after the first. Fewer samplers than temporal_scale_num leave fewer halvings."""
        return 2 ** min(self.temporal_scale_num, len(self.block_out_channels) - 1)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, where: object = "config") -> Self:
        """From a JSON object with the published names; unknown names are ignored, missing ones built in.

        Raises WeightsError, naming `where`, for a value of another kind or one this network does not have.
        """
        _check_fixed(values, where)
        known: dict[str, Any] = {}
        for field in fields(cls):
            if values.get(field.name) is not None:
                known[field.name] = _typed(field.name, values[field.name], where)
        if known.get("scaling_factor") == DIFFUSERS_DEFAULT_SCALING:
            del known["scaling_factor"]
        try:
            return cls(**known)
        except WeightsError as error:
            raise WeightsError(error.what, where=where, do=error.do) from error

    @classmethod
    def from_json(cls, text: str, *, where: object) -> Self:
        """From the text of a JSON object. Raises WeightsError."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"no valid JSON ({error})", where=where, do="mend the config") from error
        if not isinstance(values, dict):
            raise WeightsError("the config is no JSON object", where=where, do="mend the config")
        return cls.from_mapping(values, where=where)

    def to_mapping(self) -> dict[str, Any]:
        """The JSON object that `from_mapping` reads back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"block_out_channels": list(self.block_out_channels)}


def _typed(name: str, value: object, where: object) -> object:
    if name == "block_out_channels":
        if isinstance(value, list | tuple) and all(type(v) is int for v in value):
            return tuple(value)
        raise _wrong(name, value, "a list of whole numbers", where)
    if name == "scaling_factor":
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise _wrong(name, value, "a number", where)
    if type(value) is not int:
        raise _wrong(name, value, "a whole number", where)
    return value


def _check_fixed(values: Mapping[str, Any], where: object) -> None:
    for name, only in _FIXED.items():
        if values.get(name) is not None and values[name] != only:
            raise _wrong(name, values[name], f"{only!r}, as in SeedVR2's VAE", where)
    for name, only in _BLOCK_TYPES.items():
        kinds = values.get(name)
        if kinds is not None and (not isinstance(kinds, list | tuple) or any(k != only for k in kinds)):
            raise _wrong(name, kinds, f"{only} alone, as in SeedVR2's VAE", where)


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise _wrong(name, value, f"{least} to {most}")


def _wrong(name: str, value: object, wanted: str, where: object = "config") -> WeightsError:
    return WeightsError(f"{name} is {str(value)[:80]}, not {wanted}", where=where, do="mend the config")
