"""--int8 on the command line: taken where it is a gain, and what it says where not."""

import pytest

SHORT = ("--device", "cpu", "--frames", "5", "--codec", "ffv1", "--dtype", "bfloat16")


def loader_lines(text: str) -> list[str]:
    prefix = "[VAE Loader] "
    lines = [line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix)]
    return [line for line in lines if "int8" in line]


@pytest.mark.parametrize(
    ("gain", "line"),
    [
        (1.1, "Convs: bfloat16: int8 is 1.10 times as fast in a block here, and rounds more"),
        (2.0, "✓ 12 of 46 convs in int8 (63 % of decoding, 68 % of encoding), 34 stay bfloat16"),
    ],
)
def test_int8_convs_are_taken_where_they_are_a_gain(gain, line, run, clip, tmp_path, monkeypatch):
    monkeypatch.setattr("seedvr2_cli.vae.load.block_gain", lambda *given: gain)
    result = run("decode", clip, "--vae", "nano", "--int8", *SHORT, "-o", tmp_path / "out.mkv")
    assert result.code == 0
    assert loader_lines(result.err) == [line]


def test_a_torch_without_int8_convs_goes_on_and_says_so(run, clip, tmp_path, monkeypatch):
    monkeypatch.setattr("seedvr2_cli.pipeline.model.int8_problem", lambda kernels: "this torch cannot (x)")
    output = tmp_path / "latents.safetensors"
    words = ("--device", "cpu", "--frames", "5", "-o", output)
    result = run("encode", clip, "--vae", "nano", "--int8", *words)
    assert result.code == 0
    assert loader_lines(result.err) == ["Convs: int8 is off: this torch cannot (x)"]


def test_int8_and_fp8_exclude_each_other(run, clip):
    result = run("decode", clip, "--int8", "--fp8")
    assert (result.code, result.err) == (2, "seedvr2: --int8: with --fp8; drop one\n")
