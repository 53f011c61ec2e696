"""The bench measures what it says, on a small model in a short time."""

import json
from pathlib import Path
from typing import Any

import pytest

from seedvr2_cli.bench.alone import LoneJob
from seedvr2_cli.cli.app import main
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.vae.config import VAEConfig


@pytest.fixture
def tiny(tmp_path) -> Path:
    """Weights of a small VAE of the published form."""
    path = tmp_path / "tiny.gguf"
    config = VAEConfig(block_out_channels=(8, 16, 24, 24), norm_num_groups=4, latent_channels=4)
    write_recipe(path, config, "F16", seed=1)
    return path


def records(capsys, *words: str) -> list[dict[str, Any]]:
    assert main(["bench", "vae", "--rounds", "1", "--json", "-q", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_part_is_measured_by_each_back_end_against_the_matmul(tiny, capsys):
    words = ["--vae", str(tiny), "--size", "32x16", "--dtype", "float32", "--case", "conv,stage,slice"]
    matmul, *parts = records(capsys, *words)
    assert matmul["name"] == "matmul"
    names = [record["name"] for record in parts]
    convs = [f"conv decoder up {index}, {who}" for index in range(4) for who in ("conv3d", "torch", "oneDNN")]
    stages = [
        f"stage {block} {index}, {who}"
        for index in range(4)
        for block in ("encoder down", "decoder up")
        for who in ("plain network", "torch", "oneDNN")
    ]
    slices = [
        f"slice {half}, {who}"
        for half in ("encoder", "decoder")
        for who in ("plain network", "torch", "oneDNN")
    ]
    assert names == convs + stages + slices
    for record in parts:
        assert record["gflops"] > 0
        assert record["share_of_matmul"] == pytest.approx(record["gflops"] / matmul["gflops"], abs=0.01)
    assert all(record["onednn"] and record["cudnn"] == "none" for record in parts)


def test_the_work_of_a_conv_is_the_same_for_all_who_do_it(tiny, capsys):
    words = ["--vae", str(tiny), "--size", "32x16", "--dtype", "float32", "--case", "conv"]
    for record in records(capsys, *words)[1:]:
        work = record["gflops"] * record["us_per_pixel_frame"] / 1e3  # MFLOP per pixel and frame
        index = int(record["name"].split(",")[0][-1])
        channels, share = (24, 24, 16, 8)[index], (1 / 256, 1 / 32, 1 / 4, 1)[index]
        times = {"rel": 0.05, "abs": 2e-6 * record["gflops"]}  # they are rounded to nanoseconds
        assert work == pytest.approx(2e-6 * 27 * channels**2 * share, **times)


def test_growth_is_measured_over_five_sizes_and_five_lengths(tiny, capsys, monkeypatch):
    def measure_alone(job: LoneJob) -> dict[str, Any]:
        return {"size": list(job.size), "frames": job.frames, "peak_bytes": 1, "seconds": 0.5}

    monkeypatch.setattr("seedvr2_cli.bench.growth.measure_alone", measure_alone)
    words = ["--vae", str(tiny), "--size", "64x32", "--dtype", "float32", "--case", "growth"]
    grown = records(capsys, *words)
    decoded = [record for record in grown if record["name"].startswith("decode")]
    sizes = [[32, 16], [40, 24], [48, 24], [56, 32], [64, 32]]
    clips = [(size, 5) for size in sizes] + [([32, 16], frames) for frames in (9, 17, 33, 65)]
    assert [(record["size"], record["frames"]) for record in decoded] == clips
    assert all(record["seconds"] > 0 and record["growth"] for record in grown)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--case", "convs"], "--case: 'convs' is no case; take load, conv, stage, slice, clip, growth"),
        (["--dtype", "int8"], "--dtype: 'int8' is no type; take float32, bfloat16, float16"),
    ],
)
def test_a_word_that_bench_does_not_know_is_named(words, line, capsys):
    assert main(["bench", "vae", *words]) == 2
    assert capsys.readouterr().err == f"seedvr2: {line}\n"


def test_bench_vae_gives_one_record_per_measurement(tmp_path, capsys):
    path = tmp_path / "tiny.gguf"
    write_recipe(
        path, VAEConfig(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4), "F16", seed=1
    )
    words = [
        "--vae",
        str(path),
        "--size",
        "32x16",
        "--frames",
        "5",
        "--rounds",
        "1",
        "--json",
        "-q",
        "--case",
        "load,clip",
    ]
    assert main(["bench", "vae", *words]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = [(record["name"], record["dtype"]) for record in records]
    kinds = [
        "load",
        "encode",
        "decode",
        "encode, plain network",
        "decode, plain network",
        "encode one frame, plain network",
        "decode one frame, plain network",
        "encode one frame, engine",
        "decode one frame, engine",
        "encode memory",
        "decode memory",
    ]
    assert sorted(names) == sorted((kind, dtype) for kind in kinds for dtype in ("float32", "bfloat16"))
    assert all(record["machine"] and record["torch"] for record in records)
    load = records[0]
    assert 0 <= load["peak_bytes"] <= load["model_bytes"] + load["largest_tensor_bytes"] + 150e6
    assert all(r["us_per_pixel_frame"] > 0 for r in records if "rounds" in r)
