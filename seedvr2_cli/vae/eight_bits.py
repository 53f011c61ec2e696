"""Which convs of the VAE compute in 8 bits.

conv_in, conv_out, the strided convs, attention, norms, biases, shortcuts and the maps between layers stay in
16 bits in every policy.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from seedvr2_cli.base.choices import Fp8Policy
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.ops.slot_convs import SlotConvs
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.work import ConvWork, conv_works

_ENDS = ("conv_in", "conv_out")


@dataclass(frozen=True)
class EightBits:
    """A back end of 8-bit convs, and the policy of what it takes. word: for people; part: of the program that
    speaks of it. must_gain: only where a probe finds it faster."""

    convs: SlotConvs
    policy: str
    word: str = "FP8"
    part: str = "BLACKWELL_ENGINE"
    must_gain: bool = False


@dataclass(frozen=True)
class Share:
    """What a choice amounts to. chosen, all: convs; decoding, encoding: parts of the work, 0 to 1."""

    chosen: int
    all: int
    decoding: float
    encoding: float


def choose_convs(config: VAEConfig, policy: str) -> frozenset[str]:
    """The names of the convs that a policy takes.

    policy: `high`, the ResNet convs of the two stages of the highest resolution in each half; `fast`, all
    3x3x3 convs and folded upsamplers; or patterns of names, as `decoder.up_blocks.3.*,*.conv1`. Raises
    UsageError for a pattern that takes none.
    """
    able = [work.name for work in conv_works(config) if work.causal and not work.name.endswith(_ENDS)]
    if policy == Fp8Policy.FAST:
        return frozenset(able)
    if policy == Fp8Policy.HIGH:
        last = len(config.block_out_channels) - 1
        outer = [f"encoder.down_blocks.{k}." for k in (0, 1)]
        outer += [f"decoder.up_blocks.{k}." for k in (last - 1, last)]
        return frozenset(name for name in able if name.startswith(tuple(outer)) and ".resnets." in name)
    chosen: set[str] = set()
    for pattern in policy.split(","):
        taken = [name for name in able if fnmatchcase(name, pattern)]
        if not taken:
            raise UsageError(
                f"no conv that can compute in 8 bits is called {pattern!r}",
                where="--fp8-convs",
                do="take high, fast, or a pattern of names such as 'decoder.up_blocks.*'",
            )
        chosen.update(taken)
    return frozenset(chosen)


def share_of(config: VAEConfig, chosen: frozenset[str]) -> Share:
    """How much of the work the chosen convs are."""
    works = conv_works(config)
    return Share(
        chosen=len(chosen),
        all=sum(_is_conv(work) for work in works),
        decoding=_part(works, "decoder", chosen),
        encoding=_part(works, "encoder", chosen),
    )


def _is_conv(work: ConvWork) -> bool:
    return ".attentions." not in work.name


def _part(works: list[ConvWork], half: str, chosen: frozenset[str]) -> float:
    own = [work for work in works if work.half == half]
    return sum(work.mflop for work in own if work.name in chosen) / sum(work.mflop for work in own)
