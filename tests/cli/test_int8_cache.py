"""--int8-cache and --host-budget on the command line: what they say, and where they are refused."""

import re

FRAMES = ("--device", "cpu", "--frames", "9", "--dtype", "float32")


def test_memory_in_8_bits_says_what_it_costs_in_each_half(run, clip, tmp_path):
    result = run("decode", clip, "--vae", "nano", *FRAMES, "--int8-cache", "-o", tmp_path / "out.mp4")
    assert result.code == 0
    said = re.findall(r"causal memory in 8 bits, (\w+): \w+ ([\d.]+) dB", result.err)
    assert [half for half, _ in said] == ["encoding", "decoding"]
    assert all(30 < float(psnr) < 90 for _, psnr in said)


def test_without_it_nothing_is_said(run, clip, tmp_path):
    result = run("decode", clip, "--vae", "nano", *FRAMES, "-o", tmp_path / "out.mp4")
    assert result.code == 0
    assert "8 bits" not in result.err


def test_a_latent_file_is_looked_at_too(run, clip, tmp_path):
    latents = tmp_path / "l.safetensors"
    encoded = run("encode", clip, "--vae", "nano", *FRAMES, "--int8-cache", "-o", latents)
    assert encoded.code == 0
    assert "8 bits, encoding" in encoded.err
    decoded = run("decode", latents, "--vae", "nano", "--int8-cache", "-o", tmp_path / "out.mp4")
    assert decoded.code == 0
    assert "8 bits, decoding" in decoded.err


def test_tiles_with_overlap_hold_all_of_it(run, clip, tmp_path):
    words = ("decode", clip, "--vae", "nano", *FRAMES, "--int8-cache", "--tiling", "overlap")
    result = run(*words, "-o", tmp_path / "out.mp4")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("seedvr2: --int8-cache: ")
    assert not (tmp_path / "out.mp4").exists()


def test_a_cpu_has_no_host_memory_beside_its_own(run, clip, tmp_path):
    words = ("decode", clip, "--vae", "nano", *FRAMES, "--host-budget", "3GiB")
    result = run(*words, "-o", tmp_path / "out.mp4")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("seedvr2: --host-budget: ")
    assert "--memory-budget" in result.err.splitlines()[-1]
