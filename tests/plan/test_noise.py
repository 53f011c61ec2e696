"""A latent frame has one noise: in every window, in every process, on every machine."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.plan.noise import CHANNELS, latent_noise, window_noise
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.plan.windows import Window

SHOT = Shot(23, 70)


@given(st.integers(0, 20), st.integers(1, 8), st.integers(0, 2**64))
def test_a_window_has_the_noise_of_its_latents_wherever_it_begins(start, length, seed):
    window = window_noise(seed, SHOT, Window(start, start + length), (2, 3))
    whole = window_noise(seed, SHOT, Window(0, start + length), (2, 3))
    assert window.shape == (length, 2, 3, CHANNELS)
    assert np.array_equal(window, whole[start:])


def test_each_of_seed_shot_and_latent_makes_other_noise():
    keys = [
        (seed, first, latent) for seed in (0, 1, 11, -1) for first in (0, 1, 10, 110) for latent in (0, 1, 10)
    ]
    seen = {latent_noise(*key, 16).tobytes() for key in keys}
    assert len(seen) == len(keys)


def test_a_shot_that_ends_elsewhere_keeps_its_noise():
    window = Window(2, 5)
    assert np.array_equal(
        window_noise(7, SHOT, window, (2, 2)), window_noise(7, Shot(SHOT.first, 90), window, (2, 2))
    )


def test_it_is_normal():
    values = latent_noise(1, 0, 0, 400_001).astype(np.float64)
    assert values.shape == (400_001,)
    assert abs(values.mean()) < 0.006  # four times the spread of a mean of so many
    assert abs(values.std() - 1) < 0.005
    assert abs((values**3).mean()) < 0.016
    assert abs((values**4).mean() - 3) < 0.06
    assert 4.0 < np.abs(values).max() < 6.5
    halves = np.corrcoef(values[:200_000], values[200_000:400_000])[0, 1]
    assert abs(halves) < 0.01  # the two values of a pair


# written down once: they hold for every version of numpy, whose promise covers the words they are made of
FIRST = [
    1.5303720235824585,
    -0.7100785374641418,
    -1.2643475532531738,
    -0.27678337693214417,
    0.9690211415290833,
    -0.8590778708457947,
]


def test_it_is_the_same_on_every_machine_and_version():
    assert latent_noise(42, 0, 0, 6) == pytest.approx(FIRST, rel=1e-6)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_another_process_with_other_threads_draws_the_same_bits(threads):
    code = (
        "import torch; from seedvr2_cli.plan.noise import latent_noise; import sys, hashlib\n"
        f"torch.set_num_threads({threads}); torch.manual_seed(5)\n"
        "print(hashlib.sha256(latent_noise(3, 100, 4, 9999).tobytes()).hexdigest())"
    )
    environment = os.environ | {"OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    from hashlib import sha256

    assert done.stdout.strip() == sha256(latent_noise(3, 100, 4, 9999).tobytes()).hexdigest()
