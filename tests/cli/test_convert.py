"""`seedvr2 convert`: any format to any other, bit for bit where nothing is lost."""

import hashlib
import json
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from seedvr2_cli.dit.config import DiTConfig
from seedvr2_cli.pipeline import recipe_file
from seedvr2_cli.pipeline.options import WEIGHT_FORMATS
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.weights.open import open_weights
from tests.dit.conftest import write_recipe

KERNEL = "decoder.mid_block.resnets.0.conv1.weight"
WIDE = VAEConfig(latent_channels=4, block_out_channels=(16, 32, 32, 32), norm_num_groups=8)


@pytest.fixture(scope="session")
def vae(tmp_path_factory) -> Path:
    """A GGUF whose kernels fill whole blocks, with recipe weights in float16."""
    path = tmp_path_factory.mktemp("vae") / "wide.gguf"
    recipe_file.write_recipe(path, WIDE, "F16", seed=1)
    return path


@pytest.fixture(scope="session")
def transformer(tmp_path_factory) -> Path:
    """A small 3B with recipe weights in float16."""
    config = DiTConfig(vid_dim=64, heads=2, head_dim=12, num_layers=3, mm_layers=1, txt_in_dim=32)
    return write_recipe(tmp_path_factory.mktemp("dit") / "dit.safetensors", config, 1, torch.float16)


def tensors(path: Path) -> dict[str, torch.Tensor]:
    with open_weights(path) as source:
        return {name: source.read(name) for name in source.specs}


def types(path: Path) -> dict[str, str]:
    with open_weights(path) as source:
        return {name: spec.quant for name, spec in source.specs.items()}


def same_bits(a: Path, b: Path) -> bool:
    first, second = tensors(a), tensors(b)
    return sorted(first) == sorted(second) and all(
        first[name].dtype == second[name].dtype and torch.equal(first[name], second[name]) for name in first
    )


def snr_db(a: Path, b: Path) -> float:
    first, second = tensors(a), tensors(b)
    square = sum(float(t.double().square().sum()) for t in first.values())
    error = sum(float((t.double() - second[name].double()).square().sum()) for name, t in first.items())
    return 10 * np.log10(square / error)


@pytest.mark.parametrize("model", ["vae", "transformer"])
def test_a_round_trip_through_every_format_gives_the_same_bits(run, model, request, tmp_path):
    source = request.getfixturevalue(model)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(WIDE.to_mapping()))
    before = source
    for step in ("a.safetensors", "b.gguf", "c.pth", "d.gguf", "e.safetensors", "f.pth", "g.safetensors"):
        words = ["--config", config] if model == "vae" and before.suffix == ".pth" else []
        assert run("convert", before, tmp_path / step, *words).code == 0
        assert same_bits(source, tmp_path / step)
        before = tmp_path / step


def test_a_gguf_is_read_by_comfyuis_rules_to_the_same_bits(run, vae, tmp_path):
    """Shape of the data as stored, true shape from `comfy.gguf.orig_shape.*`: spec/vae.md 5.1."""
    assert run("convert", vae, tmp_path / "a.gguf", "--type", "F16").code == 0
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    ours = tensors(vae)
    assert {tensor.name for tensor in reader.tensors} == set(ours)
    for tensor in reader.tensors:
        assert len(tensor.shape) <= 4
        note = reader.get_field(f"comfy.gguf.orig_shape.{tensor.name}")
        shape = tuple(note.contents()) if note else tuple(int(n) for n in reversed(tensor.shape))
        assert shape == tuple(ours[tensor.name].shape)
        theirs = torch.from_numpy(np.array(tensor.data)).view(torch.float16).view(shape)
        assert torch.equal(theirs, ours[tensor.name].half())


def test_native_kernels_keep_five_dimensions(run, vae, tmp_path):
    assert run("convert", vae, tmp_path / "a.gguf", "--native-5d").code == 0
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    assert {t.name: t.shape.tolist() for t in reader.tensors}[KERNEL] == [3, 3, 3, 32, 32]
    assert not [key for key in reader.fields if key.startswith("comfy.")]
    assert same_bits(vae, tmp_path / "a.gguf")


# of the whole small VAE, vectors and ends in float16
SNR_DB = {"Q8_0": 43, "Q6_K": 34, "Q5_K": 28, "Q5_1": 27, "Q5_0": 26, "Q4_K": 22, "Q4_1": 21, "Q4_0": 20}
SNR_DB["Q3_K"] = 16


@pytest.mark.parametrize("quant", [*WEIGHT_FORMATS[".gguf"]])
def test_every_type_of_a_gguf_is_decoded_by_gguf_to_the_same_numbers(run, vae, tmp_path, quant):
    path = tmp_path / "a.gguf"
    assert run("convert", vae, path, "--type", quant).code == 0
    ours = tensors(path)
    assert types(path)[KERNEL] == quant
    for tensor in gguf.GGUFReader(path).tensors:
        theirs = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert np.array_equal(ours[tensor.name].float().numpy().reshape(-1), theirs.reshape(-1))
    if quant in SNR_DB:
        assert snr_db(vae, path) > SNR_DB[quant]
    assert types(path)["decoder.conv_out.weight"] == (quant if quant in ("F32", "BF16") else "F16")


def test_blocks_of_a_gguf_stay_as_they_are_where_no_type_is_asked_for(run, vae, tmp_path):
    run("convert", vae, tmp_path / "a.gguf", "--type", "Q4_K")
    run("convert", tmp_path / "a.gguf", tmp_path / "b.gguf")
    assert types(tmp_path / "b.gguf") == types(tmp_path / "a.gguf")
    assert same_bits(tmp_path / "a.gguf", tmp_path / "b.gguf")
    run("convert", tmp_path / "a.gguf", tmp_path / "c.safetensors")
    assert set(types(tmp_path / "c.safetensors").values()) == {"F16"}


def test_a_transformer_in_scaled_e4m3_is_near_and_marked(run, transformer, tmp_path):
    path = tmp_path / "a.safetensors"
    words = ["--type", "E4M3"]
    assert run("convert", transformer, path, *words).code == 0
    stored = load_file(path)
    layer = "blocks.0.attn.proj_qkv.vid"
    assert stored[f"{layer}.weight"].dtype is torch.float8_e4m3fn
    assert stored[f"{layer}.weight_scale"].shape == (72, 1)
    assert json.loads(bytes(stored[f"{layer}.comfy_quant"].tolist())) == {"format": "float8_e4m3fn"}
    rows = stored[f"{layer}.weight"].float().abs().amax(1)
    assert (rows == 448).all()  # every row uses the whole range
    assert stored["vid_in.proj.weight"].dtype is torch.float16
    assert snr_db(transformer, path) > 31
    report = json.loads(run("convert", transformer, path, *words, "--overwrite", "--json").out)
    groups = {(group["part"], group["to"]): group for group in report["facts"]["groups"]}
    assert 31 < groups["blocks.attn", "F8_E4M3"]["snr_db"] < 34
    assert run("convert", path, tmp_path / "b.gguf", "--type", "F32").code == 0
    assert same_values(path, tmp_path / "b.gguf")


def same_values(a: Path, b: Path) -> bool:
    first, second = tensors(a), tensors(b)
    return all(torch.equal(t.float(), second[name].float()) for name, t in first.items())


def test_prefixes_go_and_names_are_the_published_ones(run, transformer, tmp_path):
    named = {f"model.diffusion_model.{name}": t for name, t in load_file(transformer).items()}
    save_file(named, tmp_path / "prefixed.safetensors")
    assert run("convert", tmp_path / "prefixed.safetensors", tmp_path / "a.gguf", "--type", "F16").code == 0
    assert {t.name for t in gguf.GGUFReader(tmp_path / "a.gguf").tensors} == set(load_file(transformer))


def test_a_converted_file_says_where_it_is_from(run, vae, transformer, tmp_path):
    for source, key, form in ((vae, "vae", "seedvr2_vae"), (transformer, "dit", "seedvr2")):
        run("convert", source, tmp_path / f"{key}.gguf", "--type", "Q8_0")
        with open_weights(tmp_path / f"{key}.gguf") as converted:
            metadata = dict(converted.metadata)
        assert metadata["general.architecture"] == form
        assert json.loads(metadata[f"seedvr2.{key}.config"])
        history = json.loads(metadata["seedvr2.convert"])
        assert history["source"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
        assert (history["type"], history["source"]["name"]) == ("Q8_0", source.name)
        assert history["tool"].startswith("seedvr2 ")


def test_the_report_shows_size_and_error_of_every_part(run, vae, tmp_path):
    result = run("convert", vae, tmp_path / "a.gguf", "--type", "Q4_K")
    row = next(line for line in result.out.splitlines() if line.startswith("decoder.up_blocks"))
    assert row.split()[1:5] == ["31", "F16", "to", "Q4_K"]
    report = json.loads(
        run("convert", vae, tmp_path / "a.gguf", "--type", "Q4_K", "--overwrite", "--json").out
    )
    groups = report["facts"]["groups"]
    assert sum(group["tensors"] for group in groups) == 246
    quantised = [group for group in groups if group["to"] == "Q4_K"]
    assert all(20 < group["snr_db"] < 25 for group in quantised)
    assert all(group["bytes_after"] < group["bytes_before"] for group in quantised)
    assert all(group["snr_db"] is None for group in groups if group["from"] == group["to"])


def test_a_converted_vae_decodes(run, clip, vae, tmp_path):
    run("convert", vae, tmp_path / "q8.gguf", "--type", "Q8_0")
    result = run("decode", clip, "--vae", tmp_path / "q8.gguf", "--frames", "1", "-o", tmp_path / "out.mp4")
    assert result.code == 0


LATENTS = "holds tensors of no known model, neither a SeedVR2 VAE nor a transformer; give the file of one"


REFUSED = [
    (["a.txt"], 2, "a.txt: .txt is no format of weights; name it .gguf, .safetensors, .sft, .pth, .pt"),
    (
        ["a.safetensors", "--type", "Q8_0"],
        2,
        "--type: .safetensors does not hold Q8_0; take F32, F16, BF16, E4M3",
    ),
    (
        ["a.safetensors", "--type", "E4M3"],
        2,
        "--type: scaled e4m3 is for matrices, a VAE has kernels; take Q8_0",
    ),
    (
        ["a.gguf", "--type", "Q8_0", "--native-5d"],
        2,
        "--native-5d: five dimensions are for plain types in a GGUF; give a .gguf and --type F32, F16, BF16",
    ),
    (["none/a.gguf"], 5, "none: no such folder; make it first, or give another -o"),
]


@pytest.mark.parametrize(("words", "code", "line"), REFUSED)
def test_what_cannot_be_written_is_one_line(run, vae, tmp_path, monkeypatch, words, code, line):
    monkeypatch.chdir(tmp_path)
    result = run("convert", vae, *words)
    assert (result.code, result.err.splitlines()[-1]) == (code, f"seedvr2: {line}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_model_and_an_output_that_is_there(run, vae, tmp_path):
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.ones(3)}, other)
    result = run("convert", other, tmp_path / "a.gguf")
    assert (result.code, result.err) == (4, f"seedvr2: {other}: {LATENTS}\n")
    taken = tmp_path / "taken.gguf"
    taken.write_text("precious")
    assert run("convert", vae, taken).code == 5
    assert run("convert", vae, vae, "--overwrite").code == 5
    assert taken.read_text() == "precious"


def test_numbers_that_a_type_cannot_hold_leave_no_file(run, vae, tmp_path):
    loud = tensors(vae) | {"decoder.conv_out.bias": torch.tensor([1.0, 2.0, 1e6])}
    metadata = {"seedvr2.vae.config": json.dumps(WIDE.to_mapping())}
    save_file(loud, tmp_path / "loud.safetensors", metadata)
    result = run("convert", tmp_path / "loud.safetensors", tmp_path / "a.gguf", "--type", "F16")
    assert result.code == 4
    what = "tensor decoder.conv_out.bias: 1,000,000 is too large for float16; take --type BF16 or F32"
    assert result.err.splitlines()[-1] == f"seedvr2: {tmp_path / 'loud.safetensors'}: {what}"
    assert [path.name for path in tmp_path.iterdir()] == ["loud.safetensors"]


@pytest.mark.root
def test_a_full_disk_is_said_before_a_byte_is_written(run, vae, small_disk):
    result = run("convert", vae, small_disk / "a.gguf")
    assert result.code == 5
    line = result.err.splitlines()[-1]
    assert line.startswith(f"seedvr2: {small_disk / 'a.gguf'}: 2.49 MiB to write, ")
    assert list(small_disk.iterdir()) == []
