"""What a transformer is: its variant and seven numbers, as given or as its tensors tell."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.source import TensorSource

IN_CHANNELS = 33  # noise 16, condition 16, mask 1
OUT_CHANNELS = 16
PATCH = 2  # latents along each side of a token
EPS = 1e-5  # of every norm
TIME_WIDTH = 256  # values of the sinusoid

_MAX_WIDTH = 1 << 15
_MAX_LAYERS = 256
_ROPE_PARTS = 3  # time, height, width


class Variant(StrEnum):
    B3 = "3b"
    B7 = "7b"


@dataclass(frozen=True)
class DiTConfig:
    """A transformer's sizes. Defaults are the published 3B.

    vid_dim: width of the residual stream. mm_layers: how many leading blocks have their own weights for the
    text. Source: spec/dit.md 1.3. Raises WeightsError for sizes that no transformer has.
    """

    variant: Variant = Variant.B3
    vid_dim: int = 2560
    heads: int = 20
    head_dim: int = 128
    num_layers: int = 32
    mm_layers: int = 10
    txt_in_dim: int = 5120

    def __post_init__(self) -> None:
        for name, low, high in (
            ("vid_dim", 1, _MAX_WIDTH),
            ("heads", 1, _MAX_WIDTH),
            ("head_dim", 6, _MAX_WIDTH),
            ("num_layers", 1, _MAX_LAYERS),
            ("mm_layers", 0, self.num_layers),
            ("txt_in_dim", 1, _MAX_WIDTH),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise _wrong(name, value, f"{low} to {high}")
        if self.variant is Variant.B7 and self.mm_layers != self.num_layers:
            raise _wrong("mm_layers", self.mm_layers, f"{self.num_layers}, as a 7b has layers")
        if self.head_dim % 2:
            raise _wrong("head_dim", self.head_dim, "an even number")
        if self.variant is Variant.B3 and self.head_dim // _ROPE_PARTS % 2:
            raise _wrong("head_dim", self.head_dim, "a width whose third is even")

    @property
    def inner(self) -> int:
        """Width of q, k and v: all heads together."""
        return self.heads * self.head_dim

    @property
    def hidden(self) -> int:
        """Width inside an MLP."""
        if self.variant is Variant.B7:
            return 4 * self.vid_dim
        return 256 * -(-(8 * self.vid_dim // 3) // 256)

    def separate(self, layer: int) -> bool:
        """True where a block has weights of its own for the text."""
        return layer < self.mm_layers

    def ends_text(self, layer: int) -> bool:
        """True for the block after which nothing reads the text."""
        return layer == self.num_layers - 1

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, where: object = "config") -> Self:
        """From a mapping with the field names; all but unknown ones count. Raises WeightsError."""
        known: dict[str, Any] = {}
        for field in fields(cls):
            value = values.get(field.name)
            if value is None:
                raise WeightsError(f"{field.name} is missing", where=where, do="give all seven values")
            if field.name == "variant":
                if value not in list(Variant):
                    raise _wrong("variant", value, " or ".join(Variant), where)
                value = Variant(value)
            elif type(value) is not int:
                raise _wrong(field.name, value, "a whole number", where)
            known[field.name] = value
        return cls(**known)

    def to_mapping(self) -> dict[str, Any]:
        """The mapping that `from_mapping` reads back."""
        return asdict(self) | {"variant": str(self.variant)}


def read_config(source: TensorSource) -> DiTConfig:
    """The config that the names and shapes of a file tell. Raises WeightsError where they tell none."""
    shapes = {name: spec.shape for name, spec in source.specs.items()}
    first = [name for name in ("vid", "all") if f"blocks.0.attn.proj_qkv.{name}.weight" in shapes]
    if "vid_in.proj.weight" not in shapes or not first:
        raise WeightsError("holds no SeedVR2 transformer", where=source.path, do="give a file of the DiT")
    rows = _sizes(source, "vid_in.proj.weight", 2)
    if rows[1] != PATCH * PATCH * IN_CHANNELS:
        what = f"takes {rows[1]} values a token, a restoring transformer {PATCH * PATCH * IN_CHANNELS}"
        raise WeightsError(what, where=source.path, do="give a SeedVR2 file")
    (head_dim,) = _sizes(source, f"blocks.0.attn.norm_q.{first[0]}.weight", 1)
    qkv = _sizes(source, f"blocks.0.attn.proj_qkv.{first[0]}.weight", 2)
    layers = 1 + max((_layer(name) for name in shapes), default=-1)
    separate = 0
    while f"blocks.{separate}.attn.proj_qkv.vid.weight" in shapes:
        separate += 1
    return DiTConfig(
        variant=Variant.B3 if "vid_out_norm.weight" in shapes else Variant.B7,
        vid_dim=rows[0],
        heads=qkv[0] // (3 * max(1, head_dim)),
        head_dim=head_dim,
        num_layers=min(layers, len(shapes)),
        mm_layers=separate,
        txt_in_dim=_sizes(source, "txt_in.weight", 2)[1],
    )


def _sizes(source: TensorSource, name: str, dimensions: int) -> tuple[int, ...]:
    shape = source.specs[name].shape if name in source.specs else ()
    if len(shape) != dimensions:
        stored = f"stored as {shape}" if shape else "missing"
        do = "give a SeedVR2 transformer in its published layout"
        raise WeightsError(f"tensor {name} is {stored}", where=source.path, do=do)
    return shape


def _layer(name: str) -> int:
    """N of `blocks.N.`, -1 for other names; a number no file has counts as none."""
    head, _, rest = name.partition("blocks.")
    number = rest.partition(".")[0]
    return int(number) if not head and number.isdecimal() and len(number) < 6 else -1


def _wrong(name: str, value: object, allowed: str, where: object = "config") -> WeightsError:
    return WeightsError(f"{name} is {value}, {allowed} expected", where=where, do="mend the config")
