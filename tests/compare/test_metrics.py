"""PSNR is exact, SSIM is the published formula, and the largest error is found where it is."""

import math
import re
import subprocess
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.compare import metrics
from seedvr2_cli.compare.metrics import LargestError, Tally, psnr, squared_error, ssim
from seedvr2_cli.media.ffmpeg import FFmpeg
from tests.compare.conftest import disturbed, noise


def score_of(*pairs):
    tally = Tally()
    for a, b in pairs:
        tally.add(a, b)
    return tally.score()


def one_off(by: int, dtype: type = np.uint8) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures of 2x2 (12 samples) of which one sample differs."""
    a = np.zeros((2, 2, 3), dtype)
    b = a.copy()
    b[1, 0, 2] = by
    return a, b


@pytest.mark.parametrize(
    ("by", "dtype", "peak"),
    [(1, np.uint8, 255), (255, np.uint8, 255), (1, np.uint16, 65535), (65535, np.uint16, 65535)],
)
def test_psnr_is_taken_against_the_largest_value(by, dtype, peak):
    score = score_of(one_off(by, dtype))
    assert score.psnr == pytest.approx(10 * math.log10(peak**2 / (by**2 / 12)), abs=1e-12)
    assert (score.peak, score.largest) == (peak, LargestError(by, 0, 0, 1, "blue"))
    assert not score.equal


def test_the_error_is_pooled_over_the_clip_not_the_decibels():
    same, other = (one_off(0)[0],) * 2, one_off(6)
    score = score_of(same, other, same)
    assert score.psnr == pytest.approx(10 * math.log10(255**2 / (36 / 36)), abs=1e-12)
    assert score.rms == pytest.approx(1 / 255)
    assert [(frame.index, frame.psnr) for frame in score.worst] == [
        (1, pytest.approx(10 * math.log10(255**2 / 3))),
        (0, math.inf),
        (2, math.inf),
    ]


def test_equal_clips_are_said_to_be_equal():
    picture = noise(20, 30)
    score = score_of((picture, picture.copy()), (picture, picture))
    assert (score.equal, score.psnr, score.ssim, score.rms, score.frames) == (True, math.inf, 1.0, 0.0, 2)


def test_of_two_depths_both_are_taken_as_16_bits():
    picture = noise(20, 30)
    score = score_of((picture, picture.astype(np.uint16) * 257))
    assert (score.equal, score.peak) == (True, 65535)
    assert score_of((picture, picture.astype(np.uint16) * 257 ^ 1)).largest.levels == 1


def test_no_sum_is_rounded_or_overflows():
    a, b = np.zeros((700, 600, 3), np.uint16), np.full((700, 600, 3), 65535, np.uint16)
    b[-1, -1, -1] = 65534
    squares, levels, place = squared_error(a, b)
    assert squares == 65535**2 * (700 * 600 * 3 - 1) + 65534**2
    assert (levels, place) == (65535, (0, 0, 0))


@given(
    seed=st.integers(0, 1000),
    height=st.integers(1, 9),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    samples=st.integers(1, 100),
)
def test_squared_errors_do_not_depend_on_how_a_frame_is_cut(seed, height, dtype, samples):
    a, b = noise(height, 5, dtype, seed), noise(height, 5, dtype, seed + 1)
    difference = np.abs(a.astype(object) - b.astype(object))
    at = np.unravel_index(int(difference.astype(int).argmax()), a.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "_EXACT_SAMPLES", samples)
        assert squared_error(a, b) == ((difference**2).sum(), difference.max(), tuple(map(int, at)))


def test_frames_of_two_sizes_cannot_be_compared():
    with pytest.raises(ShapeError) as caught:
        Tally().add(noise(4, 6), noise(4, 7))
    assert str(caught.value) == "frames of (4, 6, 3) and (4, 7, 3) cannot be compared"


def literal_ssim(a: np.ndarray, b: np.ndarray, peak: int) -> float:
    """The paper's formula, one window after the other, as its reference program has it."""
    gray = [picture @ np.array([0.299, 0.587, 0.114]) for picture in (a, b)]
    at = np.arange(-5, 6)
    window = np.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = []
    for top in range(a.shape[0] - 10):
        for left in range(a.shape[1] - 10):
            x, y = (picture[top : top + 11, left : left + 11] for picture in gray)
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            var_x = (window * (x - mean_x) ** 2).sum()
            var_y = (window * (y - mean_y) ** 2).sum()
            covariance = (window * (x - mean_x) * (y - mean_y)).sum()
            above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
            values.append(above / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize(
    ("height", "width", "dtype", "by"),
    [(11, 11, np.uint8, 30), (17, 29, np.uint8, 5), (29, 17, np.uint16, 9000), (12, 40, np.uint16, 60)],
)
def test_ssim_is_the_published_formula(height, width, dtype, by):
    a = noise(height, width, dtype)
    b = disturbed(a, by)
    assert ssim(a, b) == pytest.approx(literal_ssim(a, b, np.iinfo(dtype).max), abs=1e-12)


@pytest.mark.parametrize("pixels", [1, 33 * 3, 33 * 12, 1 << 20])
def test_ssim_does_not_depend_on_how_a_frame_is_cut(pixels, monkeypatch):
    a = noise(50, 33)
    b = disturbed(a, 20)
    whole = ssim(a, b)
    monkeypatch.setattr(metrics, "_STRIP_PIXELS", pixels)
    assert ssim(a, b) == pytest.approx(whole, abs=1e-13)


@pytest.mark.parametrize(("height", "width"), [(10, 40), (40, 10), (1, 1)])
def test_there_is_no_ssim_of_frames_smaller_than_its_window(height, width):
    a = noise(height, width)
    assert score_of((a, a)).ssim is None
    assert score_of((a, disturbed(a, 3)), (a, a)).ssim is None


def test_ssim_of_a_clip_is_the_mean_of_its_frames():
    a = noise(20, 20)
    frames = [a, disturbed(a, 10), disturbed(a, 40)]
    each = [ssim(a, b) for b in frames]
    assert score_of(*((a, b) for b in frames)).ssim == pytest.approx(np.mean(each), abs=1e-14)


def filtered(ffmpeg: FFmpeg, name: str, a: np.ndarray, b: np.ndarray) -> float:
    """What ffmpeg's own filter says about two pictures of 8 bits."""
    height, width, _ = a.shape
    parts = (
        "format=gbrp,split[t][u]",
        f"[t]crop={width}:{height}:0:0:exact=1[a]",
        f"[u]crop={width}:{height}:0:{height}:exact=1[b]",
        f"[a][b]{name}",
    )
    words = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{2 * height}", "-i", "-"]
    done = subprocess.run(
        [ffmpeg.path, "-hide_banner", *words, "-lavfi", ";".join(parts), "-f", "null", "-"],
        input=np.concatenate([a, b]).tobytes(),
        capture_output=True,
        check=True,
    )
    found = re.search(r"(?:average|All):([\d.]+)", done.stderr.decode())
    assert found
    return float(found[1])


@pytest.mark.parametrize("by", [1, 7, 90])
def test_psnr_is_the_one_of_ffmpeg(by, ffmpeg):
    a = noise(48, 64)
    b = disturbed(a, by)
    squares, _, _ = squared_error(a, b)
    assert psnr(squares, a.size, 255) == pytest.approx(filtered(ffmpeg, "psnr", a, b), abs=2e-6)


@pytest.mark.parametrize(("one", "two"), [(100, 100), (90, 160), (255, 250)])
def test_ssim_of_flat_gray_is_the_one_of_ffmpeg(one, two, ffmpeg):
    """ffmpeg's filter has windows without weights, and a 64th of the published C1: on flat pictures that are
    not dark, neither makes a difference."""
    a, b = (np.full((24, 32, 3), value, np.uint8) for value in (one, two))
    assert ssim(a, b) == pytest.approx(filtered(ffmpeg, "ssim", a, b), abs=5e-5)


def test_memory_does_not_grow_with_the_clip():
    a = noise(64, 64)
    b = disturbed(a, 5)
    tally = Tally()
    tracemalloc.start()
    for _ in range(10):
        tally.add(a, b)
    _, short = tracemalloc.get_traced_memory()
    for _ in range(200):
        tally.add(a, b)
    _, long = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert long < short + 20_000


def test_the_largest_error_of_a_clip_is_the_first_of_its_size():
    a = noise(400, 1200)
    pairs = []
    for y, bit in [(3, 1), (390, 128), (7, 128)]:
        b = a.copy()
        b[y, 1100, 1] ^= bit
        pairs.append((a, b))
    assert score_of(*pairs).largest == LargestError(128, 1, 1100, 390, "green")
