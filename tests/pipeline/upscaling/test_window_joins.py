"""Where two windows of a shot meet, frames change no more than inside a window.

The material is a texture that moves and wraps round, and the same held still. Random weights leave most of
the noise in their result: every change is held against that of the same frames in the run of one window.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from seedvr2_cli.base.events import Silent
from seedvr2_cli.dit.load import load_dit
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.options import TileOptions
from seedvr2_cli.pipeline.round_trip import Job
from seedvr2_cli.pipeline.upscaling.stages import (
    Film,
    Restoration,
    decoded,
    encoded,
    prepared,
    restored,
    transformed,
)
from seedvr2_cli.pipeline.upscaling.transformer import Transformer
from seedvr2_cli.plan.padding import padding_of
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.plan.windows import TimePlan, Window
from seedvr2_cli.vae.load import load_vae

SIDE, FRAMES = 64, 121
SHOT = Shot(0, FRAMES)


def texture() -> np.ndarray:
    """Smooth, colored, without an edge: (SIDE, SIDE, 3) uint8."""
    spectrum = np.fft.fft2(np.random.default_rng(0).random((SIDE, SIDE, 3)), axes=(0, 1))
    distance = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    smooth = np.real(np.fft.ifft2(spectrum * np.exp(-((distance * 12) ** 2))[..., None], axes=(0, 1)))
    return ((smooth - smooth.min()) / np.ptp(smooth) * 255).round().astype(np.uint8)


MATERIAL = {
    "moving": [np.roll(texture(), 3 * t, 1) for t in range(FRAMES)],
    "still": [texture()] * FRAMES,
}


@dataclass(frozen=True)
class Run:
    """What came of a shot. changes: the mean difference of each frame to the one before it."""

    frames: Tensor
    windows: tuple[Window, ...]

    @property
    def changes(self) -> np.ndarray:
        return (self.frames[1:] - self.frames[:-1]).abs().mean((1, 2, 3)).numpy()

    def at_joins(self) -> np.ndarray:
        """Which changes lie between the last latent of one window alone and the first of the next alone."""
        joins = np.zeros(FRAMES - 1, bool)
        for older, newer in zip(self.windows, self.windows[1:], strict=False):
            joins[4 * (newer.start - 1) : 4 * older.stop] = True
        return joins


@pytest.fixture(scope="module", params=["tiny", "nano"])
def vae(request, tiny_vae):
    return load_vae(tiny_vae if request.param == "tiny" else "nano")


@pytest.fixture(scope="module")
def run(vae, tiny_dit):
    """A shot through all stages, in windows of at most so many latents."""
    dit = load_dit(tiny_dit)
    film = Film(Job(vae, TileOptions(), StageClock()), (SHOT,), padding_of((SIDE, SIDE)), Silent())
    factor, clock = vae.config.scaling_factor, StageClock()

    def of(name: str, limit: int, share: int) -> Run:
        latents = torch.cat(list(encoded(film, SHOT, prepared(film, iter(MATERIAL[name])))))
        times = TimePlan((SHOT,), limit, share)
        transformer = Transformer(dit, tiny_dit, 1)
        work = Restoration(transformer, times, 1, factor, clock, Silent())
        results = restored(work, SHOT, partial(transformed, work, lambda start, stop: latents[start:stop]))
        frames = torch.cat(list(decoded(film, SHOT, results)))
        return Run(frames, times.windows(SHOT))

    return of


@pytest.mark.parametrize("name", list(MATERIAL))
def test_joins_change_no_more_than_the_inside_of_windows(name, run):
    one = run(name, SHOT.latents, 2)
    assert len(one.windows) == 1
    several = run(name, 10, 2)
    assert len(several.windows) == 4
    ratio, joins = several.changes / one.changes, several.at_joins()
    assert ratio[joins].mean() <= ratio[~joins].mean() + 0.005
    assert ratio[joins].mean() <= 1.005
    assert ratio[joins].max() <= max(ratio[~joins].max(), 1.03)


@pytest.mark.parametrize("name", list(MATERIAL))
def test_shared_latents_bring_windows_nearer_to_one_window(name, run):
    one = run(name, SHOT.latents, 2).frames
    errors = [float((run(name, 10, share).frames - one).square().mean()) for share in (0, 2)]
    assert errors[1] < 0.75 * errors[0]
