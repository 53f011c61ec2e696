"""HDR10's side data in the words of the encoders that write it."""

from collections.abc import Mapping
from fractions import Fraction

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.media.info import Hdr, Mastering

_CHROMA_STEP, _LIGHT_STEP = 50_000, 10_000  # HEVC, D.3.28: steps of 0.00002, and of 0.0001 cd/m2
# codec -> (key of the mastering display, key of the light levels); x264 takes x265's words
_KEYS: Mapping[str, tuple[str, str]] = {
    Codec.X264: ("mastering-display", "cll"),
    Codec.X265: ("master-display", "max-cll"),
    Codec.SVTAV1: ("mastering-display", "content-light"),
}


def holds_hdr(codec: str) -> bool:
    """Whether the codec's encoder can be given the side data."""
    return codec in _KEYS


def hdr_parameters(codec: str, hdr: Hdr) -> list[str]:
    """`key=value` for the encoder's own parameters; none for a codec that takes none."""
    if codec not in _KEYS:
        return []
    display, light = _KEYS[codec]
    words = []
    if hdr.mastering:
        words.append(f"{display}={_mastering(hdr.mastering, in_steps=codec != Codec.SVTAV1)}")
    if hdr.light:
        words.append(f"{light}={hdr.light[0]},{hdr.light[1]}")
    return words


def _mastering(display: Mastering, *, in_steps: bool) -> str:
    """`G(x,y)B(x,y)R(x,y)WP(x,y)L(most,least)`, in HEVC's steps or as decimal numbers."""
    points = (("G", display.green), ("B", display.blue), ("R", display.red), ("WP", display.white))
    parts = [f"{name}({_number(x, _CHROMA_STEP, in_steps)},{_number(y, _CHROMA_STEP, in_steps)})"
             for name, (x, y) in points]  # fmt: skip
    most, least = (_number(value, _LIGHT_STEP, in_steps) for value in (display.most, display.least))
    return "".join([*parts, f"L({most},{least})"])


def _number(value: Fraction, step: int, in_steps: bool) -> str:
    return str(round(value * step)) if in_steps else f"{float(value):.7f}"
