"""Pictures for a page: exact where they fit, bounded where they do not."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from seedvr2_cli.compare import embed
from seedvr2_cli.compare.embed import FORMS, Embedded, Embedder
from seedvr2_cli.media.probe import probe
from tests.compare.conftest import disturbed, noise


def embedded(ffmpeg, clip, folder, pictures, by_weight) -> Embedded:
    """What the frames 0, 10, 20 ... become; each with its disturbed self."""
    height, width, _ = pictures[0].shape
    info = probe(clip, ffmpeg)
    like = replace(info, video=replace(info.video, width=width, height=height))
    folder.mkdir()
    with Embedder(like, len(pictures), folder, ffmpeg) as embedder:
        for number, picture in enumerate(pictures):
            embedder.add(10 * number, picture, disturbed(picture, 20))
        return embedder.finish(by_weight)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_fits_is_kept_exactly_or_rounded_to_8_bits(ffmpeg, clip, tmp_path, dtype):
    pictures = [noise(33, 47, dtype, seed) for seed in range(3)]
    found = embedded(ffmpeg, clip, tmp_path / "x", pictures, [20, 0, 10])
    assert (found.form, found.scale, list(found.pictures)) == (FORMS[0], 1, [0, 10, 20])
    for number, picture in enumerate(pictures):
        a, b = found.pictures[10 * number]
        factor = 257 if dtype is np.uint16 else 1
        assert np.abs(pixels(a) * float(factor) - picture).max() <= factor / 2
        assert not np.array_equal(pixels(a), pixels(b))


@pytest.mark.parametrize(
    ("limit", "frames"), [(60_000, [0, 10, 20, 30]), (30_000, [0, 20, 30]), (9_000, [20])]
)
def test_what_does_not_fit_becomes_jpeg_and_then_the_last_of_the_weighed_frames_go(
    ffmpeg, clip, tmp_path, monkeypatch, limit, frames
):
    monkeypatch.setattr(embed, "MAX_BYTES", limit)
    pictures = [noise(96, 128, seed=seed) for seed in range(4)]
    found = embedded(ffmpeg, clip, tmp_path / "x", pictures, [20, 0, 30, 10])
    assert found.form.mime == "image/jpeg"
    assert sum(len(data) for pair in found.pictures.values() for data in pair) <= limit
    assert {pixels(data).shape for pair in found.pictures.values() for data in pair} == {(96, 128, 3)}
    assert list(found.pictures) == frames


def test_large_frames_are_averaged_over_squares(ffmpeg, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "MAX_SIDE", 100)
    picture = noise(61, 121).repeat(2, axis=0).repeat(2, axis=1)[:121, :241]
    found = embedded(ffmpeg, clip, tmp_path / "x", [picture], [0])
    assert (found.scale, pixels(found.pictures[0][0]).shape) == (3, (41, 81, 3))
