"""The tensors of a transformer: every name and shape that a config asks for."""

from seedvr2_cli.dit.config import IN_CHANNELS, OUT_CHANNELS, PATCH, TIME_WIDTH, DiTConfig, Variant

Shape = tuple[int, ...]

CONDITIONING = ("positive_conditioning", "negative_conditioning")  # text that some files bring along
MODULATIONS = ("shift", "scale", "gate")


def expected_tensors(config: DiTConfig) -> dict[str, Shape]:
    """Name -> shape of all that a file must hold. Source: spec/dit.md 2.1 and 3.

    The rotation's constants, `*.rope.freqs`, are left out: they are computed, and a file may lack them.
    """
    width, found = config.vid_dim, dict[str, Shape]()
    found |= _linear("vid_in.proj", width, PATCH * PATCH * IN_CHANNELS)
    found |= _linear("txt_in", width, config.txt_in_dim)
    found |= _linear("emb_in.proj_in", width, TIME_WIDTH)
    found |= _linear("emb_in.proj_hid", width, width)
    found |= _linear("emb_in.proj_out", 6 * width, width)
    for layer in range(config.num_layers):
        found |= _block(config, layer)
    if config.variant is Variant.B3:
        names = ("vid_out_norm.weight", "vid_out_ada.out_shift", "vid_out_ada.out_scale")
        found |= dict.fromkeys(names, (width,))
    return found | _linear("vid_out.proj", PATCH * PATCH * OUT_CHANNELS, width)


def streams(config: DiTConfig, layer: int) -> tuple[str, ...]:
    """The words that name a block's own weights: video and text apart, or one set for both."""
    return ("vid", "txt") if config.separate(layer) else ("all",)


def is_ignored(name: str) -> bool:
    """True for a tensor that a file may hold and nothing here reads as a weight."""
    return name.endswith("rope.freqs") or name in CONDITIONING


def _block(config: DiTConfig, layer: int) -> dict[str, Shape]:
    at, width, inner = f"blocks.{layer}", config.vid_dim, config.inner
    found: dict[str, Shape] = {}
    words = streams(config, layer)
    for s in words:
        found[f"{at}.attn.proj_qkv.{s}.weight"] = (3 * inner, width)
        found |= _linear(f"{at}.attn.proj_out.{s}", width, inner)
        found |= dict.fromkeys((f"{at}.attn.norm_{x}.{s}.weight" for x in "qk"), (config.head_dim,))
    if config.variant is Variant.B3 and config.ends_text(layer) and config.separate(layer):
        words = ("vid",)
    for s in words:
        found |= _mlp(config, f"{at}.mlp.{s}")
        names = (f"{at}.ada.{s}.{part}_{what}" for part in ("attn", "mlp") for what in MODULATIONS)
        found |= dict.fromkeys(names, (width,))
    return found


def _mlp(config: DiTConfig, at: str) -> dict[str, Shape]:
    width, hidden = config.vid_dim, config.hidden
    if config.variant is Variant.B7:
        return _linear(f"{at}.proj_in", hidden, width) | _linear(f"{at}.proj_out", width, hidden)
    return {
        f"{at}.proj_in_gate.weight": (hidden, width),
        f"{at}.proj_in.weight": (hidden, width),
        f"{at}.proj_out.weight": (width, hidden),
    }


def _linear(name: str, rows: int, columns: int) -> dict[str, Shape]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}
