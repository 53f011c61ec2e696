"""Which known file a name means, and which one a machine should take."""

import difflib
from collections.abc import Sequence

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.hub.known import KNOWN, TRANSFORMERS, KnownFile, Table, Variant

DEFAULT_VAE = "ema_vae_fp16"
NANO = "nano"

# beside the weights: the VAE, 0.5 GiB, and activations of two latents at 1080p, 16,320 tokens of 128 KiB
# (spec/dit.md 10.4)
WORKING_BYTES = 3 << 30


def lookup(name: str, variants: Sequence[Variant], table: Table = KNOWN) -> KnownFile | None:
    """The known file of these variants that a name means: its file name, with or without the suffix, in any
    case; `vae` is the published one. None where no file or more than one is meant."""
    wanted = DEFAULT_VAE if name == "vae" else name.lower()
    names = ((file, (file.name.lower(), file.stem.lower())) for file in table if file.variant in variants)
    return next((file for file, both in names if wanted in both), None)


def not_known(name: str, variants: Sequence[Variant], table: Table = KNOWN) -> WeightsError:
    """What to say of a name that is no file here and no known one: of which it may be the family, or near."""
    files = [file for file in table if file.variant in variants]
    family = [file for file in files if name.lower() in _families(file.variant)]
    if family:
        choice = " or ".join(f"{file.stem} ({file.text})" for file in family if file.form == "float16")
        do = f"name one: {choice}; seedvr2 models list shows all"
        return WeightsError(f"{len(family)} files go by this name", where=name, do=do)
    names = [*([NANO] if Variant.VAE in variants else []), *(file.stem for file in files)]
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    do = f"near: {', '.join(near)}" if near else "see seedvr2 models list"
    return WeightsError("no such file, and no known name", where=name, do=do)


def by_sha256(digest: str, table: Table = KNOWN) -> KnownFile | None:
    """The known file with this content."""
    return next((file for file in table if file.sha256 == digest), None)


def fits(file: KnownFile, free_bytes: int) -> bool | None:
    """Whether a transformer leaves room for the work in this much free memory; None where its size is not
    known. The work on a VAE is planned by itself, so a VAE needs its own size alone."""
    if file.nbytes is None:
        return None
    return file.nbytes + (0 if file.variant is Variant.VAE else WORKING_BYTES) <= free_bytes


def best_dit(free_bytes: int, *, on_cpu: bool, table: Table = KNOWN) -> KnownFile:
    """The best known transformer for a machine: of those pinned and readable, the largest that fits.

    free_bytes: of the device's memory. on_cpu: the 3B alone, since the 7B takes 1.6 times its work
    (spec/dit.md 10.1). Sharp ones and float32 are there for who names them. Where none fits, the smallest.
    """
    wanted = (Variant.DIT_3B, Variant.DIT_3B_FIRST) if on_cpu else TRANSFORMERS
    choice = [
        file
        for file in table
        if file.variant in wanted and file.variant is not Variant.DIT_7B_SHARP and file.form != "float32"
        if file.sha256 and file.nbytes and not file.problem
    ]
    fitting = [file for file in choice if fits(file, free_bytes)]
    return max(fitting, key=_size) if fitting else min(choice, key=_size)


def _families(variant: Variant) -> tuple[str, ...]:
    """The short words for a model: both 3B answer to `3b`."""
    return (variant.value, "3b", "dit") if variant is Variant.DIT_3B_FIRST else (variant.value, "dit")


def _size(file: KnownFile) -> int:
    return file.nbytes or 0
