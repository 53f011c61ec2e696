"""`seedvr2 models`, and names in the place of files."""

import hashlib
import json
from pathlib import Path

import pytest

from seedvr2_cli.hub import find


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """An empty current folder and an empty cache; nobody is asked."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(find, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("SEEDVR2_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()


@pytest.fixture
def own(weights, tmp_path) -> Path:
    """A VAE of the user's in his folder of models."""
    path = tmp_path / "models/my_vae.gguf"
    path.write_bytes(weights.read_bytes())
    return path


def test_list_shows_what_is_known_and_what_is_here(run, own):
    result = run("models", "list")
    assert (result.code, result.err) == (0, "")
    assert "seedvr2_ema_3b-Q4_K_M" in result.out
    assert "3b-first: 3B transformer, ByteDance's first weights" in result.out
    facts = json.loads(run("models", "list", "--json").out)["facts"]
    assert [(row["path"], row["kind"]) for row in facts["local"] if row["path"] == str(own)] == [
        (str(own), "vae")
    ]
    assert sum(row["best"] for row in facts["known"]) == 1
    (vae,) = [row for row in facts["known"] if row["name"] == "ema_vae_fp16"]
    assert (vae["bytes"], vae["here"], vae["fits"]) == (501324814, None, True)


def test_list_says_where_a_known_file_is_and_what_cannot_be_read(run, tmp_path):
    path = tmp_path / "models/seedvr2_ema_3b-Q6_K.gguf"
    path.write_bytes(b"GGUF")
    facts = json.loads(run("models", "list", "--json").out)["facts"]
    assert {row["here"] for row in facts["known"]} == {None, str(path)}
    assert "the version: 4 bytes claimed, 0 left" in run("models", "list").out


def test_path_prints_where_a_named_file_is(run, own):
    assert run("models", "path", "my_vae").out == f"{own}\n"
    result = run("models", "path", "ema_vae_fp16")
    assert (result.code, result.out, result.err) == (
        4,
        "",
        "seedvr2: ema_vae_fp16: is not on this machine; run seedvr2 models download ema_vae_fp16, "
        "or give --models-dir\n",
    )


def test_download_takes_what_is_here(run, own):
    result = run("models", "download", "my_vae")
    assert (result.code, result.err) == (0, f"[Models] ✓ {own} (1.19 MiB)\n")


def test_verify_knows_a_file_by_its_content(run, own, tmp_path):
    digest = hashlib.sha256(own.read_bytes()).hexdigest()
    result = run("models", "verify")
    line = f"[Verify] {own}: is no known file; sha256 {digest[:12]}...\n"
    assert (result.code, result.err) == (0, line)
    forged = own.rename(tmp_path / "models/ema_vae_fp16.safetensors")
    result = run("models", "verify", "ema_vae_fp16")
    assert result.code == 1
    assert result.err.splitlines()[-1] == f"seedvr2: {forged}: differs from the known file of its name"
    assert forged.exists()
    report = json.loads(run("models", "verify", "--json").out)
    assert report["error"]["class"] == "CheckFailed"
    assert [row["state"] for row in report["facts"]["files"]] == ["differs"]


def test_a_folder_of_models_that_is_not_there(run, clip):
    result = run("decode", clip, "--models-dir", "none")
    assert (result.code, result.err) == (2, "seedvr2: --models-dir: none: no such folder; give a folder\n")


def test_decode_and_inspect_take_a_name(run, clip, own, tmp_path):
    result = run("decode", clip, "--vae", "my_vae", "--frames", "1", "-o", tmp_path / "out.mp4")
    assert result.code == 0
    assert f"[VAE Loader] Path: {own}" in result.err.splitlines()
    assert run("inspect", "my_vae").out == run("inspect", own).out


def test_decode_without_weights_names_the_ways_to_them(run, clip):
    result = run("decode", clip, "--offline")
    assert (result.code, result.err.splitlines()[-1]) == (
        4,
        "seedvr2: ema_vae_fp16.safetensors: is not on this machine, and --offline was given; "
        "run seedvr2 models download ema_vae_fp16, give --vae FILE, or try --vae nano",
    )


def test_a_name_that_nobody_knows(run, clip):
    result = run("decode", clip, "--vae", "ema_vea")
    assert (result.code, result.err.splitlines()[-1]) == (
        4,
        "seedvr2: ema_vea: no such file, and no known name; near: ema_vae, ema_vae_fp16",
    )
