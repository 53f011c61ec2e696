"""The commands as a user types them."""

import json
import re
from pathlib import Path

import av
import numpy as np
import pytest

from seedvr2_cli.dit.config import DiTConfig, Variant
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.vae.config import VAEConfig
from tests.dit.conftest import write_recipe as write_dit

KEYS = {
    "schema",
    "command",
    "version",
    "input",
    "settings",
    "device",
    "plan",
    "stages",
    "peak_bytes",
    "warnings",
    "outputs",
    "facts",
    "error",
}


def test_decode_says_what_it_does(run, clip, weights, tmp_path):
    result = run("decode", clip, "--vae", weights, "--fp8", "-o", tmp_path / "out.mp4", "--device", "cpu")
    assert (result.code, result.out) == (0, "")
    lines = result.err.splitlines()
    assert lines[0] == "[Input] clip.mp4: 212x120, h264 yuv420p, 24.0 fps, 72 frames"
    assert lines[1].startswith("[BLACKWELL_ENGINE] FP8 off: ")
    assert lines[2] == "[VAE Loader] Loading GGUF VAE: tiny.gguf"
    assert lines[7].startswith("[VAE Loader] ✓ Loaded 250 tensors (0.6 M parameters, F16, 1.17 MiB) in ")
    assert lines[-1].startswith(f"[Output] ✓ {tmp_path / 'out.mp4'}: 72 frames of 212x120, ")


@pytest.mark.parametrize("command", ["decode", "encode"])
def test_json_is_one_object_with_the_agreed_keys(run, clip, weights, command):
    result = run(command, clip, "--vae", weights, "--json", "-q")
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    assert set(report) == KEYS
    assert (report["schema"], report["command"], report["error"]) == (1, command, None)
    assert report["input"]["frames"] == 72
    assert report["settings"]["model"]["vae"] == str(weights)
    assert [stage["name"] for stage in report["stages"]][:2] == ["read", "encode"]
    assert all(stage["frames"] == 72 for stage in report["stages"] if stage["name"] == "read")
    assert report["peak_bytes"] > 0
    assert len(report["outputs"]) == 1


def test_tile_values_pass_through_untouched(run, clip, weights, tmp_path):
    words = ["--tiling", "overlap", "--encode-tile-size", "96x64", "--encode-tile-overlap", "24"]
    words += ["--decode-tile-size", "104"]
    words += ["--decode-tile-overlap", "16x40"]
    report = json.loads(run("decode", clip, "--vae", weights, "--json", "-q", *words).out)
    assert report["settings"]["tiles"] == {
        "tiling": "overlap",
        "encode_size": [96, 64],
        "encode_overlap": [24, 24],
        "decode_size": [104, 104],
        "decode_overlap": [16, 40],
    }
    plan = {key: report["plan"][key] for key in ("encode", "decode")}
    assert plan == {
        "encode": {"tiling": "overlap", "tiles": 9, "size": [96, 64], "overlap": [24, 24]},
        "decode": {"tiling": "overlap", "tiles": 6, "size": [104, 104], "overlap": [16, 40]},
    }


def test_encode_then_decode(run, clip, weights, tmp_path):
    assert run("encode", clip, "--vae", weights).code == 0
    assert run("decode", tmp_path / "clip.latents.safetensors", "--vae", weights).code == 0
    assert (tmp_path / "clip.decoded.mp4").exists()


@pytest.mark.parametrize("name", ["png16.png", "odd_420.jpg", "still_lossless.webp"])
def test_an_image_gives_an_image(run, data, weights, tmp_path, name):
    source = tmp_path / name
    source.write_bytes((data / "clips" / name).read_bytes())
    assert run("decode", source, "--vae", weights).code == 0
    assert (tmp_path / f"{source.stem}.decoded{source.suffix}").exists()


def test_inspect_shows_a_weight_file(run, weights):
    result = run("inspect", weights)
    assert (result.code, result.err) == (0, "")
    rows = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in result.out.splitlines())
    assert rows["holds"] == "a SeedVR2 video VAE"
    assert rows["tensors"] == "250, 0.6082 M parameters, 1.17 MiB, F16"
    assert rows["config latent_channels"] == "4"
    report = json.loads(run("inspect", weights, "--json").out)
    assert set(report) == KEYS
    assert report["facts"]["config"]["latent_channels"] == 4
    assert len(report["facts"]["tensors"]) == 250
    assert "decoder.conv_in.weight" in run("inspect", weights, "-v").out


def test_inspect_says_what_is_wrong_with_a_vae(run, data):
    """A GGUF whose config is unknown: its tensors do not fit the built-in one."""
    facts = json.loads(run("inspect", data / "weights/gg_flat_q4_0.gguf", "--json").out)["facts"]
    assert facts["kind"] == "vae"
    assert facts["complete"] is True


def test_doctor_finds_this_machine_sound(run):
    result = run("doctor", "--device", "cpu")
    assert (result.code, result.err) == (0, "")
    checks = json.loads(run("doctor", "--device", "cpu", "--json").out)["facts"]["checks"]
    assert {c["name"] for c in checks} >= {"torch", "device", "--fp8", "ffmpeg", "encoders", "Hub cache"}
    assert all(c["ok"] for c in checks)


def test_doctor_ends_with_1_where_a_command_would_fail(run, monkeypatch):
    monkeypatch.setenv("SEEDVR2_FFMPEG", "/none/ffmpeg")
    result = run("doctor", "--device", "cpu")
    assert (result.code, result.err) == (1, "seedvr2: doctor: ffmpeg: see above\n")
    assert json.loads(run("doctor", "--device", "cpu", "--json").out)["error"]["class"] == "CheckFailed"


def test_demo_shows_a_real_result_beside_the_clip(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = json.loads(run("demo", "--json").out)
    names = {path.name for path in (tmp_path / "seedvr2-demo").iterdir()}
    assert names == {"clip.mp4", "clip.decoded.mp4", "clip.before_after.png"}
    assert [Path(path).name for path in report["outputs"]] == ["clip.decoded.mp4", "clip.before_after.png"]
    assert report["facts"]["frames"] == 57
    assert report["facts"]["psnr_db"] > 31
    again = run("demo")
    assert (again.code, "exists already" in again.err) == (5, True)


def test_a_tile_size_without_overlap_tiling_is_the_height_of_exact_strips(run, clip, weights, tmp_path):
    whole, strips = tmp_path / "whole.mkv", tmp_path / "strips.mkv"
    run("decode", clip, "--vae", weights, "--dtype", "float32", "-o", whole, "--codec", "ffv1")
    words = ["--decode-tile-size", "48", "--dtype", "float32", "--codec", "ffv1"]
    result = run("decode", clip, "--vae", weights, "-o", strips, *words)
    line, *_ = [line for line in result.err.splitlines() if line.startswith("[Plan]")]
    assert line.startswith(
        "[Plan] 216x120, exact, all in memory, strips of 48 rows (no overlap is needed): about "
    )
    apart = np.abs(samples(strips).astype(int) - samples(whole))
    assert apart.max() <= 1  # float32 rounds a sum of strips otherwise, and that may tip a level over
    assert (apart > 0).mean() < 1e-3


def test_a_budget_that_cannot_be_met_names_the_smallest_that_can(run, clip, weights, tmp_path):
    out = tmp_path / "out.mp4"
    words = ["decode", clip, "--vae", weights, "-o", out, "--device", "cpu", "--memory-budget"]
    result = run(*words, "1MiB")
    assert result.code == 6
    found = re.fullmatch(
        r"seedvr2: --memory-budget: 1.00 MiB above the model is too little for 216x120; "
        r"give ([\d.]+ MiB) or more, or --cache-folder for files in its place",
        result.err.splitlines()[-1],
    )
    assert found
    assert not out.exists()
    assert run(*words, found[1]).code == 0


def test_plan_says_the_plan_and_stops(run, clip, weights, tmp_path):
    out = tmp_path / "out.mp4"
    result = run("decode", clip, "--vae", weights, "-o", out, "--plan", "--device", "cpu")
    assert result.code == 0
    memory, disk = result.err.splitlines()[-2:]
    assert memory.startswith("[Plan] 216x120, exact, all in memory: about ")
    assert disk.startswith("[Plan] disk: about ")
    assert not out.exists()


def test_memory_that_is_no_amount_is_refused(run, clip, weights):
    result = run("decode", clip, "--vae", weights, "--memory-budget", "lots")
    assert (result.code, result.err) == (
        2,
        "seedvr2: --memory-budget: 'lots' is no amount of memory; write 12GiB or 900MiB\n",
    )


def samples(path):
    """Every sample of a film."""
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A VAE of 16 channels and a transformer, both tiny and random, as options."""
    folder = tmp_path_factory.mktemp("models")
    vae = VAEConfig(block_out_channels=(8, 16, 24, 24), norm_num_groups=4)
    write_recipe(folder / "vae.gguf", vae, "F16", seed=1)
    dit = DiTConfig(Variant.B3, 64, 2, 48, 2, 1, 5120)
    write_dit(folder / "dit.safetensors", dit, seed=1)
    return ("--vae", folder / "vae.gguf", "--dit", folder / "dit.safetensors", "--device", "cpu")


def test_upscale_says_what_it_does(run, clip, models, tmp_path):
    result = run("upscale", clip, *models, "--frames", 6, "--resolution", 160)
    assert result.code == 0
    assert (tmp_path / "clip.upscaled.mp4").exists()
    assert "[Plan] target 283x160, padded to 288x192 for the model" in result.err
    assert "[Plan] 6 frames, 1 shot, 1 window, the largest of 9 frames takes about" in result.err
    assert "[Output] ✓ " in result.err


def test_upscale_in_json(run, clip, models):
    result = run("upscale", clip, *models, "--frames", 6, "--scale", 1.5, "--window", 29, "--json", "-q")
    report = json.loads(result.out)
    assert report["error"] is None
    assert report["plan"]["target"] == [318, 180]
    assert report["plan"]["shots"] == [[0, 6, 1]]
    assert report["settings"]["transformer"]["seed"] == 42
    assert [stage["name"] for stage in report["stages"]][-1] == "write"
    assert report["facts"]["transformer"]["config"]["variant"] == "3b"


def test_the_way_through_latent_files(run, clip, models, tmp_path):
    vae, dit = models[:2], models[2:4]
    assert run("encode", clip, *vae, "--for-upscale", "--frames", 6).code == 0
    assert run("upscale", tmp_path / "clip.latents.safetensors", *dit).code == 0
    latents = tmp_path / "clip.upscaled.latents.safetensors"
    assert run("decode", latents, *vae, "-o", tmp_path / "parts.mkv", "--codec", "ffv1").code == 0
    whole = ("-o", tmp_path / "whole.mkv", "--codec", "ffv1", "--frames", 6)
    assert run("upscale", clip, *models, *whole).code == 0
    same = run("compare", tmp_path / "whole.mkv", tmp_path / "parts.mkv", "--no-sheet")
    assert re.search(r"PSNR +equal", same.out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("upscale", "--window", "many"), "--window: 'many' is neither auto nor a whole number"),
        (("upscale", "--strength", "2"), "--strength: 2 is no share; give 0 to 1"),
        (("upscale", "--scale", "2", "--resolution", "720"), "--resolution and --scale both give the size"),
        (("upscale", "--blocks-on-gpu", "-1"), "--blocks-on-gpu"),
        (("encode", "--scale", "2"), "size, padding and shots are for upscaling; give --for-upscale too"),
    ],
)
def test_options_of_upscale_that_are_wrong(run, clip, words, message):
    result = run(words[0], clip, *words[1:])
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_status_of_a_run_that_was_stopped(run, clip, models, tmp_path, monkeypatch):
    (tmp_path / "cuts.txt").write_text("2\n4\n6\n")
    words = ("upscale", clip, *models, "--frames", 8, "--cuts", tmp_path / "cuts.txt", "--scale", 1)
    with monkeypatch.context() as patch:
        patch.setattr("seedvr2_cli.pipeline.sink.Sink.write", _interrupted)
        assert run(*words).code == 130
    output = tmp_path / "clip.upscaled.mp4"
    shown = run("status", output)
    assert shown.code == 0
    assert re.search(r"frames +\d of 8", shown.out)
    assert "stopped: the same command goes on" in shown.out
    assert json.loads(run("status", output, "--json", "--check").out)["facts"]["damaged"] == []
    assert run(*words).code == 0
    assert output.exists()
    assert run("status", output).code == 5


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_several_inputs_each_have_an_output_and_one_that_fails_stops_none(
    run, clip, models, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("other.mp4").write_bytes(clip.read_bytes())
    Path("bad.mp4").write_bytes(b"no film")
    Path("list.txt").write_text("bad.mp4\n\nother.mp4\n")
    result = run("upscale", "clip.mp4", "@list.txt", *models, "--frames", 3, "--scale", 1)
    assert result.code == 1
    for name in ("clip", "other"):
        assert (tmp_path / f"{name}.upscaled.mp4").exists()
    assert not (tmp_path / "bad.upscaled.mp4").exists()
    assert "[Queue] 3 of 3: " in result.err
    assert "1 of 3 inputs failed" in result.err.splitlines()[-1]
    assert re.search(r"bad\.mp4 +failed", result.out)
    words = (
        "upscale",
        "clip.mp4",
        "other.mp4",
        *models,
        "--frames",
        3,
        "--scale",
        1,
        "--overwrite",
        "--json",
    )
    report = json.loads(run(*words).out)
    assert [file["frames"] for file in report["facts"]["files"]] == [3, 3]
    assert report["error"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.mp4", "b.mp4", "-o", "c.mp4"), "-o: is one place for 2 inputs; leave it out"),
        (("a.mp4", "b.mp4", "--work-dir", "w"), "--work-dir: is one place for 2 inputs"),
        (("@missing.txt",), "missing.txt: cannot be read as a list of inputs; give @FILE"),
    ],
)
def test_several_inputs_that_are_wrong(run, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("upscale", *words)
    assert result.code == 2
    assert message in result.err


def test_a_list_that_names_nothing(run, tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n")
    assert "names no input" in run("upscale", f"@{tmp_path / 'empty.txt'}").err
