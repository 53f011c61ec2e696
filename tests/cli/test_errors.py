"""Whatever a user can cause ends in one line, with the right exit code, and leaves nothing behind."""

import json
import os
import struct
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from seedvr2_cli.base.errors import OutputError, WeightsError
from seedvr2_cli.base.files import try_folder
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.weights.open import open_weights
from tests.cli.conftest import Run

MEDIA = {
    "empty.mp4": "is empty (0 bytes)",
    "fake.mp4": "is no video and no picture",
    "audio_only.mp4": "has no picture: 1 audio",
    "truncated_head.mp4": "index (moov) missing: the file is cut off",
}


def only_line(result: Run) -> str:
    """The single line on stderr, without the program's name."""
    assert "Traceback" not in result.err
    assert result.out == ""
    lines = [line for line in result.err.splitlines() if line.startswith("seedvr2: ")]
    assert len(lines) == 1
    assert result.err.splitlines()[-1] == lines[0]
    return lines[0].removeprefix("seedvr2: ")


@pytest.mark.parametrize(("name", "line"), MEDIA.items())
@pytest.mark.parametrize("command", ["decode", "encode"])
def test_media_that_cannot_be_read(run, data, weights, tmp_path, command, name, line):
    source = data / "clips" / name
    before = source.read_bytes()
    result = run(command, source, "--vae", weights, "-o", tmp_path / "out.mp4")
    assert result.code == 3
    assert only_line(result).startswith(f"{source}: {line}")
    assert source.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_missing_input(run, weights, tmp_path):
    result = run("decode", tmp_path / "none.mp4", "--vae", weights)
    assert (result.code, only_line(result)) == (3, f"{tmp_path / 'none.mp4'}: no such file")


def test_a_folder_as_input(run, weights, tmp_path):
    result = run("decode", tmp_path, "--vae", weights)
    assert (result.code, only_line(result)) == (
        3,
        f"{tmp_path}: has no numbered pictures; name them as frame_00001.png",
    )


def gguf_that_lies(path):
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0))


def gguf_cut_off(path):
    path.write_bytes(path.with_name("whole").read_bytes()[:900_000])


def text_as_gguf(path):
    path.write_text("these are not the weights you are looking for")


def transformer(path):
    names = ("blocks.0.attn.proj_qkv.vid.weight", "vid_in.proj.weight")
    save_file({name: torch.zeros(2) for name in names}, path)


DIT = "holds a SeedVR2 transformer (7B), not a SeedVR2 VAE; give the file of the VAE"
WEIGHTS = {
    "missing": (None, "no such file"),
    "text": (text_as_gguf, "not a weight file: begins with 'these are not th'"),
    "lying": (gguf_that_lies, "1,152,921,504,606,846,976 tensors and 0 keys claimed, at most 65,536"),
    "cut": (gguf_cut_off, "tensor decoder."),
    "transformer": (transformer, DIT),
}


@pytest.mark.parametrize(("make", "line"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_cannot_be_used(run, clip, weights, tmp_path, make, line):
    path = tmp_path / "model.gguf"
    path.with_name("whole").write_bytes(weights.read_bytes())
    if make:
        make(path)
    result = run("decode", clip, "--vae", path)
    assert result.code == 4
    assert only_line(result).startswith(f"{path}: {line}")
    assert not (tmp_path / "clip.decoded.mp4").exists()


def test_a_config_that_contradicts_the_weights(run, clip, weights, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"block_out_channels": [8, 16, 24, 24], "norm_num_groups": 4}))
    result = run("decode", clip, "--vae", weights, "--config", config)
    assert (result.code, only_line(result)) == (
        4,
        f"{weights}: tensor encoder.conv_out.weight: stored as (8, 24, 3, 3, 3), expected (32, 24, 3, 3, 3) "
        "(3 of 250 differ); give the right --config",
    )


SUFFIXES = ".mp4, .m4v, .mkv, .mov, .webm, .avi, .nut, .y4m, .png, .jpg, .jpeg, .webp, .tif, .tiff"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--crf", "99"], "--crf: 99 is outside 0 to 63; 0 is lossless, 16 fine"),
        (
            ["--decode-tile-size", "big"],
            "--decode-tile-size: 'big' is no size; write pixels as 512 or as WIDTHxHEIGHT, such as 640x512",
        ),
        (
            ["--decode-tile-size", "128", "--decode-tile-overlap", "96"],
            "tile overlap 96: more than half the tile (64); take a smaller overlap or a larger tile",
        ),
        (
            ["--tiling", "off", "--encode-tile-size", "64"],
            "--encode-tile-size: 64 with --tiling off; drop one of the two",
        ),
        (["--device", "gpu"], "--device: 'gpu' is no device; take auto, cpu, cuda, cuda:N or mps"),
        (
            ["--raw-input", "640"],
            "--raw-input: '640' is no size, pixel format and rate; write it as 640x360:yuv420p:24",
        ),
        (["--crf", "60"], "--crf: 60 is outside 0 to 51; 0 is lossless, 16 fine"),
        (["--start", "1:99x"], "--start: '1:99x' is no time; write seconds as 12.5, or 1:02:03.25"),
        (["--end", "1", "--start", "2"], "--end: 1 s is not after the start, 2 s; give a later time"),
        (["--frames", "0"], "--frames: 0 frames are nothing; give 1 or more"),
        (
            ["--preset", "quick"],
            "--preset: x264 has no preset 'quick'; take ultrafast, superfast, veryfast, faster, fast, "
            "medium, slow, slower, veryslow",
        ),
        (
            ["--codec", "ffv1", "-o", "a.mkv", "--preset", "fast"],
            "--preset: ffv1 has no preset 'fast'; leave it out",
        ),
        (["--encoder-args", "'a"], "--encoder-args: No closing quotation; close every quotation mark"),
        (["-o", "out.xyz"], f"out.xyz: .xyz is not written; take {SUFFIXES}"),
        (
            ["-o", "out.mp4", "--codec", "ffv1"],
            "out.mp4: .mp4 does not hold ffv1; take .mkv or .mov or .avi or .nut",
        ),
        (["--qqq"], "No such option: --qqq; see seedvr2 decode --help"),
        (
            ["--dtype", "int4"],
            "Invalid value for '--dtype': 'int4' is not one of 'auto', 'float32', 'bfloat16', 'float16'; "
            "see seedvr2 decode --help",
        ),
    ],
)
def test_options_that_make_no_sense(run, clip, weights, tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    result = run("decode", clip, "--vae", weights, *words)
    assert (result.code, only_line(result)) == (2, line)
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4"}


def test_pictures_and_a_report_do_not_share_stdout(run, clip, weights):
    result = run("decode", clip, "--vae", weights, "-o", "-", "--json")
    assert result.code == 2
    assert json.loads(result.out)["error"]["message"] == "--json: stdout is for the pictures; give -o a file"


def test_an_output_that_exists(run, clip, weights, tmp_path):
    (tmp_path / "out.mp4").write_text("precious")
    result = run("decode", clip, "--vae", weights, "-o", tmp_path / "out.mp4")
    assert (result.code, only_line(result)) == (
        5,
        f"{tmp_path / 'out.mp4'}: exists already; give --overwrite or another -o",
    )
    assert (tmp_path / "out.mp4").read_text() == "precious"


def test_an_output_that_is_the_input(run, clip, weights):
    before = clip.read_bytes()
    result = run("decode", clip, "--vae", weights, "-o", clip, "--overwrite")
    assert (result.code, only_line(result)) == (5, f"{clip}: is the input itself; give another -o")
    assert clip.read_bytes() == before


def test_an_output_folder_that_is_missing(run, clip, weights, tmp_path):
    result = run("decode", clip, "--vae", weights, "-o", tmp_path / "none" / "out.mp4")
    assert (result.code, only_line(result)) == (
        5,
        f"{tmp_path / 'none'}: no such folder; make it first, or give another -o",
    )


@pytest.fixture
def as_nobody(monkeypatch):
    """A folder open to all, for a test that goes on without root's rights (root may read every file)."""
    found = describe(find_ffmpeg())
    monkeypatch.setattr("seedvr2_cli.pipeline.decode.find_ffmpeg", lambda: found.path)
    monkeypatch.setattr("seedvr2_cli.pipeline.decode.describe", lambda path: found)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        os.seteuid(0)


@pytest.mark.root
def test_a_file_that_may_not_be_read(run, clip, weights, as_nobody):
    for name in ("secret.mp4", "secret.gguf"):
        (as_nobody / name).write_bytes(clip.read_bytes())
        (as_nobody / name).chmod(0)
    os.seteuid(65534)
    media = run("decode", as_nobody / "secret.mp4", "--vae", weights)
    assert media.code == 3
    assert only_line(media) == f"{as_nobody / 'secret.mp4'}: cannot be read (Permission denied)"
    with pytest.raises(WeightsError) as caught:
        open_weights(as_nobody / "secret.gguf")
    line = "cannot be read (Permission denied); check that you may read it"
    assert str(caught.value) == f"{as_nobody / 'secret.gguf'}: {line}"


@pytest.mark.root
def test_a_folder_that_may_not_be_written(as_nobody):
    os.seteuid(65534)
    with pytest.raises(OutputError) as caught:
        try_folder(as_nobody / "out.mp4")
    assert str(caught.value) == f"{as_nobody}: cannot be written; give an -o where you may write"


@pytest.mark.root
@pytest.mark.parametrize("command", ["decode", "encode"])
def test_a_full_disk(run, data, weights, small_disk, command):
    result = run(
        command, data / "clips/bbb_180p_aac.mp4", "--vae", weights, "-o", small_disk / "out.mp4", "-q"
    )
    assert result.code == 5
    line = only_line(result)
    if command == "encode":  # as its latents are known to be too large before the first frame
        assert line.startswith(f"{small_disk}: about 891 KiB are needed, and ")
        assert line.endswith(" are free; free some, give --work-dir on another disk, or --on-full wait")
    else:
        assert line == f"{small_disk / 'out.mp4'}: no space left on the disk; free some, or give another -o"
    assert list(small_disk.iterdir()) == []


def test_failure_as_json_is_one_object_on_stdout(run, weights, tmp_path):
    result = run("decode", tmp_path / "none.mp4", "--vae", weights, "--json")
    report = json.loads(result.out)
    assert report["error"] == {
        "class": "MediaError",
        "message": f"{tmp_path / 'none.mp4'}: no such file",
        "exit": 3,
    }
    assert report["command"] == "decode"


def test_a_bug_is_one_line_that_names_v(run, clip, weights, monkeypatch):
    def broken(*args):
        raise RuntimeError("a\nwire is loose")

    monkeypatch.setattr("seedvr2_cli.pipeline.decode.describe", broken)
    result = run("decode", clip, "--vae", weights)
    assert (result.code, only_line(result)) == (
        70,
        "a bug: RuntimeError: a wire is loose; run it again with -v, and report what that prints",
    )
    assert "Traceback" in run("decode", clip, "--vae", weights, "-v").err
