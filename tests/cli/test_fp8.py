"""--fp8 on the command line: what it says, what it refuses, and what `verify` measures."""

import json

import pytest

from seedvr2_cli.compare.metrics import frame_psnr
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader

EMULATED = ": it has no FP8 matrix units; the same numbers without the speed"
SHORT = ("--device", "cpu", "--frames", "5", "--codec", "ffv1")


def engine_lines(text: str) -> list[str]:
    prefix = "[BLACKWELL_ENGINE] "
    return [line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix)]


def first_frame(path):
    ffmpeg = describe(find_ffmpeg())
    with FrameReader(probe(path, ffmpeg), ffmpeg) as reader:
        return next(iter(reader)).pixels


def test_on_a_cpu_fp8_alone_changes_nothing(run, clip, tmp_path):
    outputs = [tmp_path / "plain.mkv", tmp_path / "asked.mkv"]
    words = ("decode", clip, "--vae", "nano", "--dtype", "bfloat16", *SHORT)
    assert run(*words, "-o", outputs[0]).code == 0
    asked = run(*words, "--fp8", "-o", outputs[1])
    assert asked.code == 0
    (line,) = engine_lines(asked.err)
    assert line.startswith("FP8 off: ")
    assert line.endswith(" is a CPU: it has no FP8 matrix units")
    assert (first_frame(outputs[0]) == first_frame(outputs[1])).all()


def test_forced_on_a_cpu_it_is_an_emulation_that_is_verified(run, clip, tmp_path):
    output, plain = tmp_path / "out.mkv", tmp_path / "plain.mkv"
    words = ("decode", clip, "--vae", "nano", *SHORT)
    result = run(*words, "--fp8-force", "--verify", "-o", output)
    assert result.code == 0
    lines = engine_lines(result.err)
    assert lines[0].startswith("FP8 emulated: ")
    assert lines[0].endswith(EMULATED)
    assert lines[1] == ("✓ 12 of 46 convs in FP8 (63 % of decoding, 68 % of encoding), 34 stay bfloat16")
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "✓ Verified encoding, first slice",
        "✓ Verified decoding, first slice",
    ]
    run(*words, "--dtype", "bfloat16", "-o", plain)
    assert 45 < frame_psnr(first_frame(plain), first_frame(output)) < 70


def test_what_is_too_far_off_goes_on_in_16_bits(run, clip, tmp_path):
    plain, output = tmp_path / "plain.mkv", tmp_path / "out.mkv"
    words = ("decode", clip, "--vae", "nano", *SHORT)
    result = run(*words, "--fp8-force", "--verify", "--min-psnr", "90", "-o", output)
    assert result.code == 0
    encoding, decoding = engine_lines(result.err)[2:]
    assert encoding.startswith("encoding, first slice: ")
    assert decoding.endswith(" dB against bfloat16, below 90.00 dB: it goes on in bfloat16")
    run(*words, "--dtype", "bfloat16", "-o", plain)
    assert (first_frame(plain) == first_frame(output)).all()


def test_what_is_too_far_off_stops_a_strict_run(run, clip, tmp_path):
    output = tmp_path / "out.mkv"
    words = ("--fp8-force", "--verify", "--strict", "--min-psnr", "90")
    result = run("decode", clip, "--vae", "nano", *SHORT, *words, "-o", output)
    assert result.code == 1
    last = result.err.splitlines()[-1]
    assert last.startswith("seedvr2: --strict: encoding, first slice: ")
    assert last.endswith(", below 90.00 dB; run without --fp8, or lower --min-psnr")
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--fp8", "--dtype", "float32"),
            "--fp8: with --dtype float32; drop one: what is not FP8 has 16 bits",
        ),
        (
            ("--fp8-force", "--dtype", "float32"),
            "--fp8-force: with --dtype float32; drop one: what is not FP8 has 16 bits",
        ),
        (("--fp8", "--strict"), "--strict: without --verify; give both"),
        (
            ("--fp8-force", "--fp8-convs", "all"),
            "--fp8-convs: no conv that can compute in 8 bits is called 'all'; "
            "take high, fast, or a pattern of names such as 'decoder.up_blocks.*'",
        ),
        (("--fp8", "--min-psnr", "nan"), "--min-psnr: nan is no number of dB; give 33"),
    ],
)
def test_options_that_contradict_end_in_one_line(run, clip, words, line):
    result = run("decode", clip, "--vae", "nano", "--device", "cpu", "-q", *words)
    assert (result.code, result.err) == (2, f"seedvr2: {line}\n")


def test_the_report_has_the_gate(run, clip, tmp_path):
    output = tmp_path / "out.mkv"
    result = run("decode", clip, "--vae", "nano", *SHORT, "--fp8-force", "--json", "-q", "-o", output)
    gate = json.loads(result.out)["device"]["fp8"]
    assert gate["state"] == "emulated"
    assert gate["instruction"] is None
    assert gate["reason"].endswith(EMULATED)


def test_verify_measures_each_half_and_each_conv(run, clip, tmp_path):
    words = ("--vae", "nano", "--device", "cpu", "--fp8-convs", "*.up_blocks.3.*", "--layers", "--json", "-q")
    result = run("verify", clip, *words)
    assert result.code == 0
    facts = json.loads(result.out)["facts"]
    assert facts["halves"]["encoder"]["psnr"] is None  # none of its convs was chosen
    assert 45 < facts["halves"]["decoder"]["psnr"] < 70
    rows = facts["layers"]
    assert len(rows) == 4
    assert sum(row["error"] for row in rows) == pytest.approx(1)
    assert sum(row["work"] for row in rows) == pytest.approx(1)
    assert [row["error"] for row in rows] == sorted((row["error"] for row in rows), reverse=True)
    assert (tmp_path / "clip.verify.png").read_bytes().startswith(b"\x89PNG")


def test_verify_ends_with_1_below_the_limit(run, clip):
    result = run("verify", clip, "--vae", "nano", "--device", "cpu", "--min-psnr", "90", "-q")
    assert result.code == 1
    assert result.err.startswith("seedvr2: --min-psnr: encoder: ")
    assert result.err.endswith(" dB against 16 bits is below 90.00 dB; choose fewer --fp8-convs\n")
