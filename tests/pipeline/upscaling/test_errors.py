"""What a user can get wrong: one line each, before any long work, and nothing under the final name."""

import pytest
import torch
from safetensors.torch import save_file

from seedvr2_cli.base.errors import DeviceError, MediaError, OutputError, UsageError, WeightsError
from seedvr2_cli.base.events import Progress
from seedvr2_cli.pipeline.options import (
    MemoryOptions,
    ModelOptions,
    Target,
    TimeOptions,
    TransformerOptions,
    UpscaleOptions,
)
from seedvr2_cli.pipeline.upscale import upscale
from seedvr2_cli.pipeline.upscaling.models import load_models
from tests.dit.conftest import write_recipe
from tests.pipeline.upscaling.conftest import TINY_DIT, Loader


@pytest.fixture
def clip(data):
    return data / "clips/Eyes_212x120.mp4"


def refused(options, lines, error, load=load_models):
    """The line, once it is sure that nothing was encoded and nothing written."""
    with pytest.raises(error) as raised:
        upscale(options, lines, load)
    stages = {event.stage for event in lines.events if isinstance(event, Progress)}
    assert not stages & {"Encode", "Transformer", "Decode"}
    if options.output is not None:
        assert not options.output.exists()
    text = str(raised.value)
    assert "\n" not in text
    return text


def job(clip, tmp_path, **more):
    return UpscaleOptions(input=clip, output=tmp_path / "out.mp4", **{"model": ModelOptions()} | more)


def test_a_vae_is_no_transformer(clip, tmp_path, lines, tiny_vae):
    options = job(clip, tmp_path, transformer=TransformerOptions(dit=tiny_vae))
    text = refused(options, lines, WeightsError)
    assert "holds a SeedVR2 video VAE" in text
    assert "not a SeedVR2 transformer" in text


def test_a_transformer_is_no_vae(clip, tmp_path, lines, tiny_dit):
    transformer = TransformerOptions(dit=tiny_dit)
    text = refused(
        job(clip, tmp_path, model=ModelOptions(vae=tiny_dit), transformer=transformer), lines, WeightsError
    )
    assert "transformer" in text


def test_a_transformer_of_no_known_shape(clip, tmp_path, lines, tiny_dit):
    from safetensors.torch import load_file

    tensors = load_file(tiny_dit)
    tensors["blocks.1.attn.proj_qkv.vid.weight"] = torch.zeros(96, 60)
    save_file(tensors, tmp_path / "wide.safetensors")
    options = job(clip, tmp_path, transformer=TransformerOptions(dit=tmp_path / "wide.safetensors"))
    text = refused(options, lines, WeightsError)
    assert "blocks.1.attn.proj_qkv.vid.weight" in text


def test_a_transformer_without_a_text_of_its_width(clip, tmp_path, lines, tiny_vae):
    from dataclasses import replace

    narrow = write_recipe(tmp_path / "narrow.safetensors", replace(TINY_DIT, txt_in_dim=40), seed=1)
    options = job(
        clip, tmp_path, model=ModelOptions(vae=tiny_vae), transformer=TransformerOptions(dit=narrow)
    )
    assert "pos_emb.safetensors" in refused(options, lines, WeightsError)


def test_a_file_that_is_not_there(clip, tmp_path, lines):
    options = job(clip, tmp_path, transformer=TransformerOptions(dit=tmp_path / "none.safetensors"))
    assert "none.safetensors" in refused(options, lines, WeightsError)


def test_a_target_smaller_than_the_source(clip, tmp_path, lines, loader):
    options = job(clip, tmp_path, target=Target(resolution=100))
    text = refused(options, lines, UsageError, loader)
    assert "target 177x100: smaller than the source, 212x120" in text
    assert "--allow-downscale" in text
    assert loader.loaded == 0


def test_a_target_smaller_than_the_source_where_it_is_meant(clip, tmp_path, lines, loader):
    target = Target(resolution=100, allow_downscale=True)
    report = upscale(job(clip, tmp_path, target=target), lines, loader)
    assert report.plan["target"] == [177, 100]


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (TimeOptions(window=25), "give at least 29 frames, or a smaller --overlap"),
        (TimeOptions(window=9, overlap=1), "give at least 21 frames"),
    ],
)
def test_a_window_too_short_to_overlap(time, words, clip, tmp_path, lines, loader):
    assert words in refused(job(clip, tmp_path, time=time), lines, UsageError, loader)


@pytest.mark.parametrize("window", [None, 41])
def test_a_window_that_cannot_fit(window, clip, tmp_path, lines):
    loader = Loader(bytes_per_latent=1 << 20)
    options = job(clip, tmp_path, time=TimeOptions(window=window), memory=MemoryOptions(budget=4 << 20))
    text = refused(options, lines, DeviceError, loader)
    needed = 8 if window is None else 11
    frames = 4 * (needed - 1) + 1
    assert (
        f"a window of {frames} frames takes about {needed}.0 MiB, beyond 4.00 MiB".replace("8.0 ", "8.00 ")
        in text
    )
    assert f"--memory-budget {needed + 1}" in text


def test_a_window_is_as_long_as_memory_allows(clip, tmp_path, lines):
    loader = Loader(bytes_per_latent=1 << 20)
    upscale(job(clip, tmp_path, memory=MemoryOptions(budget=10 << 20)), lines, loader)
    lengths = [len(noise) for noise in loader.transformer.noises]
    assert max(lengths) <= 10
    assert sum(lengths) >= 19


def test_a_pipe_is_read_once(tmp_path, lines, loader):
    from pathlib import Path

    with pytest.raises((UsageError, MediaError)):
        upscale(job(Path("-"), tmp_path), lines, loader)
    assert loader.loaded == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [("5\n3\n", "frame 3 is not behind frame 5"), ("x\n", "'x' is no frame number")],
)
def test_a_list_that_is_none_is_refused_before_a_model_is_loaded(text, words, clip, tmp_path, lines, loader):
    cuts = tmp_path / "cuts.txt"
    cuts.write_text(text)
    assert words in refused(job(clip, tmp_path, time=TimeOptions(cuts=cuts)), lines, UsageError, loader)
    assert loader.loaded == 0


def test_a_list_of_another_film(clip, tmp_path, lines, loader):
    cuts = tmp_path / "cuts.txt"
    cuts.write_text("72\n")
    text = refused(job(clip, tmp_path, time=TimeOptions(cuts=cuts)), lines, UsageError, loader)
    assert "frame 72 is beyond the film: it has 72" in text


def test_an_existing_output_is_left_alone(clip, tmp_path, lines, loader):
    (tmp_path / "out.mp4").write_bytes(b"mine")
    with pytest.raises(OutputError):
        upscale(job(clip, tmp_path), lines, loader)
    assert (tmp_path / "out.mp4").read_bytes() == b"mine"
    assert loader.loaded == 0


def test_a_failure_in_the_middle_leaves_nothing(clip, tmp_path, lines, loader):
    def fail(noise, condition, tell):
        raise DeviceError("out of memory")

    loader.transformer.restore = fail
    with pytest.raises(DeviceError):
        upscale(job(clip, tmp_path), lines, loader)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_refused(data, tmp_path, lines, loader):
    text = refused(job(data / "clips/truncated_tail.mp4", tmp_path), lines, MediaError, loader)
    assert "missing" in text


def test_plan_only_stops_there(clip, tmp_path, lines, loader):
    report = upscale(job(clip, tmp_path, memory=MemoryOptions(plan_only=True)), lines, loader)
    assert report.outputs == ()
    assert report.plan["shots"] == [[0, 72, 1]]
    assert list(tmp_path.iterdir()) == []
    assert "[Plan] target 424x240, padded to 432x272 for the model" in lines.said
