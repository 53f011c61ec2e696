"""Which type each tensor gets when a file is converted.

What is small or delicate stays in 16 bits: vectors (norms, biases, modulation), the first and last layers,
and what fills no block. Of a transformer the matrices inside the blocks are quantised, as in its published
GGUFs (spec/dit.md 1.2).
"""

import math

from seedvr2_cli.base.choices import WeightType
from seedvr2_cli.weights.e4m3 import E4M3
from seedvr2_cli.weights.identify import FileKind
from seedvr2_cli.weights.write import PLAIN, ROW

_ENDS = ("encoder.conv_in.", "encoder.conv_out.", "decoder.conv_in.", "decoder.conv_out.")


def type_for(name: str, shape: tuple[int, ...], stored: str, wanted: WeightType, kind: FileKind) -> str:
    """The type of one tensor. stored: its type in the source."""
    if wanted in PLAIN:
        return wanted.value
    fits = wanted is WeightType.E4M3 or math.prod(shape) % ROW == 0
    if fits and _is_quantised(name, shape, kind):
        return E4M3 if wanted is WeightType.E4M3 else wanted.value
    return stored if stored in ("F16", "BF16") else "F16"


def kept_type(stored: str, *, blocks: bool) -> str:
    """The type where none is asked for: as stored, where the format holds it. blocks: it holds Q types."""
    if stored in PLAIN or (blocks and stored.startswith("Q")):
        return stored
    return "F32" if stored == "F64" else "F16"


def _is_quantised(name: str, shape: tuple[int, ...], kind: FileKind) -> bool:
    if kind is FileKind.VAE:
        return len(shape) > 1 and not name.startswith(_ENDS)
    return len(shape) == 2 and name.startswith("blocks.")
