"""Ctrl-C at any moment: one line, exit 130, nothing left, no ffmpeg that lives on."""

import signal
import time

import pytest

from tests.cli.conftest import alive_with, start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.15, 0.4, 0.7, 0.9, 1.2, 2.0, 4.5])
def test_ctrl_c_at_any_moment(clip, weights, delay, number):
    token = f"interrupt-{number}-{delay}-{time.monotonic_ns()}"
    before = clip.read_bytes()
    with start("decode", clip, "--vae", weights, "--dtype", "float32", token=token) as process:
        time.sleep(delay)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    left = {path.name for path in clip.parent.iterdir()}
    if process.returncode == 0:  # it was done before the signal came
        assert left == {"clip.mp4", "clip.decoded.mp4"}
    else:
        assert process.returncode == 130
        assert err.splitlines()[-1] == "seedvr2: interrupted"
        assert left == {"clip.mp4"}
    assert clip.read_bytes() == before
    assert alive_with(token) == []


def test_a_second_ctrl_c_does_not_disturb_the_clean_up(clip, weights):
    token = f"twice-{time.monotonic_ns()}"
    with start("decode", clip, "--vae", weights, "--dtype", "float32", token=token) as process:
        time.sleep(2.5)
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert process.returncode in (0, 130)
    assert {path.name for path in clip.parent.iterdir()} <= {"clip.mp4", "clip.decoded.mp4"}
    assert alive_with(token) == []
