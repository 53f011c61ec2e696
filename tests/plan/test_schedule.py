"""The one step, several steps, and noise on the condition."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.schedule import T, euler_step, mixed, sampling_times, shifted_time

TIMES = st.floats(1, T)


def test_times_are_even_steps_from_pure_noise_on():
    assert sampling_times(1) == (1000.0,)
    assert sampling_times(2) == (1000.0, 500.0)
    assert sampling_times(4) == (1000.0, 750.0, 500.0, 250.0)


def test_no_step_is_refused():
    with pytest.raises(UsageError) as refused:
        sampling_times(0)
    assert str(refused.value) == "--steps: 0 steps are nothing; give 1, for which it was trained"


def test_the_one_step_takes_the_velocity_from_the_noise():
    noise, v = np.float32([1.5, -0.25]), np.float32([0.5, 2.0])
    assert np.array_equal(euler_step(noise, v, 1000.0, 0.0), noise - v)


@given(st.floats(-4, 4), st.floats(-4, 4), TIMES, TIMES)
def test_a_step_is_the_published_one(x, v, one, other):
    later, time = sorted((one, other))
    start, end = x - time / T * v, x + (1 - time / T) * v
    published = (1 - later / T) * start + later / T * end
    assert euler_step(x, v, time, later) == pytest.approx(published, abs=1e-9)


@given(st.floats(-4, 4), st.floats(-4, 4), TIMES)
def test_the_true_velocity_leads_back_to_the_latent(latent, noise, time):
    there = mixed(latent, noise, time)
    assert euler_step(there, noise - latent, time, 0.0) == pytest.approx(latent, abs=1e-9)


SHIFTED = [
    (25.0, (1, 90, 160), 69.56401824951172),
    (25.0, (21, 136, 240), 134.95782470703125),
    (100.0, (2, 136, 240), 121.47962188720703),
    (500.0, (1, 136, 240), 846.821533203125),
    (1000.0, (6, 136, 240), 1000.0),
]


@pytest.mark.parametrize(("time", "size", "expected"), SHIFTED)
def test_the_time_of_noise_on_the_condition_follows_the_size(time, size, expected):
    assert shifted_time(time, size) == pytest.approx(expected, rel=1e-6)


@pytest.mark.shared
def test_times_are_those_of_the_published_code(shared):
    fixture = json.loads((shared / "fixtures/dit/schedule.json").read_text())
    for steps, times in fixture["timesteps"].items():
        assert sampling_times(int(steps)) == pytest.approx(times, rel=1e-6)
    for case in fixture["transform"]:
        assert shifted_time(case["t"], tuple(case["shape"])) == pytest.approx(case["t_out"], rel=1e-6)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["one_step_3b", "one_step_7b", "one_step_noise"])
def test_the_step_around_the_network_is_the_published_one(shared, name):
    from safetensors import safe_open

    with safe_open(shared / f"fixtures/dit/{name}.safetensors", "np") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    result = euler_step(tensors["noise"], tensors["v"], sampling_times(1)[0], 0.0)
    np.testing.assert_allclose(result, tensors["latent_out"], atol=2e-5, rtol=0)
    if name == "one_step_noise":
        # the public tool passes (H, W, channels) for (T, H, W): its time is repeated here, ours is another
        latents, height, width = json.loads(metadata["size"])
        said = float(metadata["timestep_of_condition"])
        assert shifted_time(100.0, (height, width, 16)) == pytest.approx(said, rel=1e-6)
        assert shifted_time(100.0, (latents, height, width)) != pytest.approx(said, rel=1e-2)
        condition = mixed(tensors["latent"], tensors["aug_noise"], said)
        np.testing.assert_allclose(condition, tensors["condition"], atol=2e-6, rtol=0)
