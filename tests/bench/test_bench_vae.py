"""The bench measures what it says, on a small model in a short time."""

import json

from seedvr2_cli.cli.app import main
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.vae.config import VAEConfig


def test_bench_vae_gives_one_record_per_measurement(tmp_path, capsys):
    path = tmp_path / "tiny.gguf"
    write_recipe(
        path, VAEConfig(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4), "F16", seed=1
    )
    words = ["--vae", str(path), "--size", "32x16", "--frames", "5", "--rounds", "1", "--json", "-q"]
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
