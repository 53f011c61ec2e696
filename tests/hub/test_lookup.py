"""Names that people type, and the file a machine should take."""

import re

import pytest

from seedvr2_cli.hub.known import KNOWN, TRANSFORMERS, Variant
from seedvr2_cli.hub.lookup import best_dit, by_sha256, fits, lookup, not_known

GIB = 1 << 30
VAE = (Variant.VAE,)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ema_vae_fp16", "ema_vae_fp16.safetensors"),
        ("ema_vae_fp16.safetensors", "ema_vae_fp16.safetensors"),
        ("vae", "ema_vae_fp16.safetensors"),
        ("EMA_VAE", "ema_vae.pth"),
        ("seedvr2_ema_3b-q4_k_m", "seedvr2_ema_3b-Q4_K_M.gguf"),
        ("seedvr2_ema_3b", "seedvr2_ema_3b.pth"),
    ],
)
def test_a_file_is_known_by_its_name_with_or_without_suffix_in_any_case(name, file):
    assert lookup(name, tuple(Variant)).name == file


def test_a_vae_is_no_transformer():
    assert lookup("ema_vae_fp16", TRANSFORMERS) is None
    assert lookup("seedvr2_3b_fp16", VAE) is None


def test_the_two_models_called_3b_are_told_apart():
    assert str(not_known("3b", TRANSFORMERS)) == (
        "3b: 13 files go by this name; name one: "
        "seedvr2_3b_fp16 (3B transformer, ByteDance's current weights of 2025-06-22, float16) or "
        "seedvr2_ema_3b_fp16 (3B transformer, ByteDance's first weights, replaced on 2025-06-22, float16); "
        "seedvr2 models list shows all"
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ema_vae_fp61", "ema_vae_fp61: no such file, and no known name; near: ema_vae_fp16, ema_vae"),
        ("nan", "nan: no such file, and no known name; near: nano"),
        ("zzz", "zzz: no such file, and no known name; see seedvr2 models list"),
    ],
)
def test_a_name_that_is_none_gets_its_neighbours(name, line):
    assert str(not_known(name, VAE)) == line


def test_the_embedded_vae_is_no_neighbour_of_a_transformer():
    line = "nan: no such file, and no known name; see seedvr2 models list"
    assert str(not_known("nan", TRANSFORMERS)) == line


def test_the_table_is_sound():
    assert len({file.name.lower() for file in KNOWN}) == len(KNOWN)
    pinned = [file.sha256 for file in KNOWN if file.sha256]
    assert len(set(pinned)) == len(pinned)
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in pinned)
    assert all(file.places and file.places[0].path.endswith(file.name) for file in KNOWN)
    assert all(by_sha256(file.sha256) is file for file in KNOWN if file.sha256)


@pytest.mark.parametrize(
    ("free_gib", "on_cpu", "name"),
    [
        (80, False, "seedvr2_7b_fp16"),
        (24, False, "seedvr2_7b_fp16"),
        (16, False, "seedvr2_ema_7b_fp8_e4m3fn_mixed_block35_fp16"),
        (10, False, "seedvr2_3b_fp16"),
        (8, False, "seedvr2_ema_7b-Q4_K_M"),
        (6, False, "seedvr2_ema_3b-Q4_K_M"),
        (1, False, "seedvr2_ema_3b-Q3_K_M"),
        (80, True, "seedvr2_3b_fp16"),
    ],
)
def test_the_best_transformer_is_the_largest_pinned_one_that_fits(free_gib, on_cpu, name):
    assert best_dit(free_gib * GIB, on_cpu=on_cpu).stem == name


def test_what_has_no_known_size_may_fit_or_not():
    assert fits(lookup("seedvr2_ema_7b-Q8_0", TRANSFORMERS), 80 * GIB) is None
    assert fits(lookup("ema_vae_fp16", VAE), GIB) is True
