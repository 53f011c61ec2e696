"""A latent file holds all that is needed to decode it later."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.media.probe import probe
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.encode import encode
from seedvr2_cli.pipeline.latents import LatentInfo, open_latents
from seedvr2_cli.pipeline.options import DecodeOptions, EncodeOptions, ModelOptions
from seedvr2_cli.vae.load import load_vae
from tests.pipeline.conftest import cut, frames_of


@pytest.fixture
def model(tiny_weights):
    return ModelOptions(vae=tiny_weights, device="cpu", dtype=Dtype.FLOAT32)


@pytest.fixture
def clip(data, ffmpeg, tmp_path):
    """Six frames with an odd size: padded in time, width and height."""
    return cut(ffmpeg, data / "clips/odd_321x241_444.mp4", tmp_path / "clip.mp4", 6)


def test_decoding_latents_gives_what_the_round_trip_gives(clip, model, ffmpeg, lines, tmp_path):
    report = encode(EncodeOptions(input=clip, model=model), lines)
    latents = tmp_path / "clip.latents.safetensors"
    assert report.outputs == (str(latents),)
    assert report.plan["latents"] == 3
    whole, parts = tmp_path / "whole.mkv", tmp_path / "parts.mkv"
    decode(DecodeOptions(input=clip, output=whole, model=model), lines)
    decode(DecodeOptions(input=latents, output=parts, model=model), lines)
    before, after = (frames_of(path, ffmpeg) for path in (whole, parts))
    assert before.shape == (6, 241, 321, 3)
    np.testing.assert_array_equal(after, before)
    assert probe(parts, ffmpeg).video.rate == 24


def test_the_file_holds_the_mean_unscaled_and_says_so(clip, model, tiny_weights, ffmpeg, lines):
    encode(EncodeOptions(input=clip, model=model), lines)
    path = clip.with_name("clip.latents.safetensors")
    with safe_open(path, "pt") as file:
        info = json.loads(file.metadata()["seedvr2.latents"])
        mean = file.get_tensor("mean")
    assert mean.shape == (4, 3, 31, 41)
    assert mean.dtype == torch.float32
    assert (info["scaling_factor"], info["scaled"], info["frames"]) == (0.9152, False, 6)
    assert (info["width"], info["height"], info["padding"], info["rate"]) == (321, 241, [7, 7], "24")
    assert (info["source"]["name"], info["source"]["bytes"]) == ("clip.mp4", clip.stat().st_size)
    frames = torch.from_numpy(frames_of(clip, ffmpeg)[:1]).permute(3, 0, 1, 2)[None] / 127.5 - 1
    frames = torch.nn.functional.pad(frames.flatten(1, 2), (0, 7, 0, 7), mode="reflect").unflatten(1, (3, 1))
    expected = load_vae(tiny_weights).encode(frames).mean[0]
    torch.testing.assert_close(mean[:, :1], expected, atol=3e-5, rtol=0)


def test_half_keeps_them_in_float16(clip, model, lines, ffmpeg, tmp_path):
    half = tmp_path / "half.safetensors"
    encode(EncodeOptions(input=clip, output=half, model=model, half=True), lines)
    assert load_file(half)["mean"].dtype == torch.float16
    decode(DecodeOptions(input=half, output=tmp_path / "half.mp4", model=model), lines)
    assert len(frames_of(tmp_path / "half.mp4", ffmpeg)) == 6


def test_a_picture_stays_a_picture(data, model, lines, ffmpeg, tmp_path):
    encode(
        EncodeOptions(input=data / "clips/png16.png", output=tmp_path / "a.latents.safetensors", model=model),
        lines,
    )
    decode(DecodeOptions(input=tmp_path / "a.latents.safetensors", model=model), lines)
    frames = frames_of(tmp_path / "a.decoded.png", ffmpeg)
    assert frames.shape == (1, 48, 64, 3)
    assert frames.dtype == np.uint16


def test_the_metadata_is_read_back_as_it_was_written(clip, model, lines):
    encode(EncodeOptions(input=clip, model=model), lines)
    latents = open_latents(clip.with_name("clip.latents.safetensors"))
    assert LatentInfo.from_json(latents.info.to_json(), where="x") == latents.info
    assert sum(piece.shape[2] for piece in latents.pieces()) == 3


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"version": 2}, "latent format 2; encode it again"),
        ({"frames": 99}, "3 latents for 99 frames; encode it again"),
        ({"frames": -1}, "its seedvr2.latents is damaged; encode it again"),
        ({"width": "321"}, "its seedvr2.latents is damaged; encode it again"),
        ({"rate": "1/0"}, "its seedvr2.latents is damaged; encode it again"),
        ({"color": [1, 2, 3, 4]}, "its seedvr2.latents is damaged; encode it again"),
        (
            {"width": 400},
            "41x31 latents of 4 channels for 407x248 pixels are not of this VAE; "
            "give the VAE that encoded them",
        ),
    ],
)
def test_a_forged_latent_file_is_refused(clip, model, lines, tmp_path, change, line):
    encode(EncodeOptions(input=clip, model=model), lines)
    path = clip.with_name("clip.latents.safetensors")
    with safe_open(path, "pt") as file:
        info = json.loads(file.metadata()["seedvr2.latents"]) | change
        mean = file.get_tensor("mean")
    save_file({"mean": mean}, path, {"seedvr2.latents": json.dumps(info)})
    with pytest.raises(WeightsError) as caught:
        decode(DecodeOptions(input=path, output=tmp_path / "out.mp4", model=model), lines)
    assert str(caught.value) == f"{path}: {line}"
    assert not (tmp_path / "out.mp4").exists()


def test_a_weight_file_is_no_latent_file(model, lines, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file({"encoder.conv_in.weight": torch.zeros(8, 3, 3, 3, 3)}, path)
    with pytest.raises(WeightsError) as caught:
        decode(DecodeOptions(input=path, model=model), lines)
    assert str(caught.value) == f"{path}: holds a SeedVR2 video VAE, no latents; give a file made by encode"
