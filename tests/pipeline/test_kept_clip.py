"""`decode`, `encode` and `upscale` of latents go on where they stopped, to the very bytes of a whole run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from seedvr2_cli.base.choices import Codec, ColorMethod
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.ops.probe import probe_device
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.encode import encode
from seedvr2_cli.pipeline.model import Model
from seedvr2_cli.pipeline.options import (
    ColorOptions,
    DecodeOptions,
    EncodeOptions,
    FilmOptions,
    ModelOptions,
    Target,
    TimeOptions,
    UpscaleOptions,
    WorkOptions,
)
from seedvr2_cli.pipeline.status import status
from seedvr2_cli.pipeline.upscale_latents import upscale_latents
from seedvr2_cli.vae.load import load_vae
from tests.pipeline.conftest import Lines
from tests.pipeline.upscaling.conftest import Folded
from tests.pipeline.upscaling.test_resume import FRAMES, Crash, Restorer, crash_at, film

__all__ = ["film"]  # a fixture


def folded(options: ModelOptions, reporter: Any) -> Model:
    return Model(Folded(), probe_device("cpu"), "float32", None)


@pytest.fixture
def short_segments(monkeypatch):
    """A clip of 16 latents is kept in segments of 7, 5 and 4."""
    monkeypatch.setattr("seedvr2_cli.pipeline.keeping.clip.segment_latents", lambda reach: 5)


@dataclass
class Run:
    """A command on some input, again and again."""

    do: Callable[[Path, Lines], Any]
    suffix: str


def commands(film: Path, folder: Path, load=folded) -> dict[str, Run]:
    """Each way through the VAE's halves, and through the transformer."""
    cuts = FilmOptions(
        target=Target(resolution=32, allow_downscale=True), time=TimeOptions(cuts=film.with_name("cuts.txt"))
    )
    plain, shots, restored = (folder / f"{name}.safetensors" for name in ("plain", "shots", "restored"))
    encode(EncodeOptions(input=film, output=plain, model=ModelOptions()), Lines(), load)
    encode(EncodeOptions(input=film, output=shots, model=ModelOptions(), film=cuts), Lines(), load)

    def to_film(source):
        def do(output, lines):
            given = DecodeOptions(input=source, output=output, model=ModelOptions(), codec=Codec.FFV1)
            return decode(given, lines, load)

        return Run(do, ".nut")  # Matroska names each file by chance

    def to_latents(film_options):
        def do(output, lines):
            given = EncodeOptions(input=film, output=output, model=ModelOptions(), film=film_options)
            return encode(given, lines, load)

        return Run(do, ".safetensors")

    def restore(output, lines):
        given = UpscaleOptions(
            input=shots,
            output=output,
            model=ModelOptions(),
            time=TimeOptions(window=21, overlap=1),
            color=ColorOptions(method=ColorMethod.LAB),
        )
        return upscale_latents(given, lines, lambda *_: (probe_device("cpu"), Restorer().transformer))

    restore(restored, Lines())
    return {
        "decode film": to_film(film),
        "decode latents": to_film(plain),
        "decode latents in shots": to_film(restored),
        "encode": to_latents(None),
        "encode in shots": to_latents(cuts),
        "upscale latents": Run(restore, ".safetensors"),
    }


NAMES = ["decode film", "decode latents", "decode latents in shots", "encode", "encode in shots"]
NAMES += ["upscale latents"]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_ends_again_and_again_comes_to_the_same_bytes(
    name, film, tmp_path, monkeypatch, short_segments
):
    run = commands(film, tmp_path)[name]
    whole, output, ends = tmp_path / f"whole{run.suffix}", tmp_path / f"out{run.suffix}", 0
    run.do(whole, Lines())
    while not output.exists():
        lines = Lines()
        with monkeypatch.context() as patch:
            crash_at(patch, 4)
            try:
                run.do(output, lines)
            except Crash:
                ends += 1
                assert status(output)[0].facts["frames"][1] in (FRAMES, None)
    assert ends >= 3
    assert any(line.startswith(f"[Resume] {output}.work: ") for line in lines.said)
    assert output.read_bytes() == whole.read_bytes()
    assert not output.with_name(f"{output.name}.work").exists()


def test_kept_segments_change_no_byte(film, tmp_path, short_segments, monkeypatch):
    for name, run in commands(film, tmp_path).items():
        output, again = (tmp_path / f"{stem}{run.suffix}" for stem in ("out", "again"))
        lines = Lines()
        run.do(output, lines)
        assert any("[Work] kept in" in said for said in lines.said), name
        with monkeypatch.context() as patch:
            patch.setattr("seedvr2_cli.pipeline.keeping.clip.KEPT_FROM", 100)
            run.do(again, Lines())
        assert output.read_bytes() == again.read_bytes(), name
        output.unlink()
        again.unlink()


def test_a_short_clip_keeps_nothing(film, tmp_path, lines):
    options = DecodeOptions(input=film, output=tmp_path / "out.mkv", model=ModelOptions())
    decode(options, lines, folded)
    assert not any("[Work]" in said for said in lines.said)


def test_another_depth_is_another_run(film, tmp_path, monkeypatch, short_segments):
    options = DecodeOptions(input=film, output=tmp_path / "out.mkv", model=ModelOptions(), codec=Codec.FFV1)
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash_at(patch, 6)
        decode(options, Lines(), folded)
    with pytest.raises(UsageError, match=r"settings\.reading\.frames was null and is 20"):
        decode(replace(options, reading=replace(options.reading, frames=20)), Lines(), folded)
    again = replace(options, work=WorkOptions(restart=True), reading=replace(options.reading, frames=20))
    assert decode(again, Lines(), folded).plan["frames"] == 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["decode film", "encode"])
def test_a_real_model_comes_to_the_same_bytes(name, film, tiny_vae, tmp_path, monkeypatch):
    """Its own reach is 28 and 37 latents; here, and in these bytes, segments are 20."""
    monkeypatch.setattr("seedvr2_cli.pipeline.keeping.clip.segment_latents", lambda reach: 5)
    vae = load_vae(tiny_vae, device="cpu", dtype="float32")

    def load(options, reporter):
        return Model(vae, probe_device("cpu"), "float32", None)

    run = commands(film, tmp_path, load)[name]
    whole, output = tmp_path / f"whole{run.suffix}", tmp_path / f"out{run.suffix}"
    run.do(whole, Lines())
    while not output.exists():
        with monkeypatch.context() as patch:
            crash_at(patch, 9)
            try:
                run.do(output, Lines())
            except Crash:
                continue
    assert output.read_bytes() == whole.read_bytes()
