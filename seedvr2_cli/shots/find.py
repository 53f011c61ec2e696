"""One pass over a film in small frames finds its shots.

A missed cut costs the next shot's first frames up to 9.6 dB; a false one costs nothing that could be
measured, and even a shot of one frame is better alone than joined to another (field/seedvr2x.md 4). So
thresholds are low, and short shots stay as they are.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise

from seedvr2_cli.base.choices import ShotDetector
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.reader import Frame, Pixels
from seedvr2_cli.plan.shots import Shot
from seedvr2_cli.shots.scene_score import scene_scores

SMALL = (48, 27)  # (width, height) of the frames that detectors look at: what TransNetV2 was trained on
TRANSNET_THRESHOLD = 0.3  # 98 % of the cuts of live action, 90 % of animation (field/seedvr2x.md 4)
SCENE_THRESHOLD = 0.2  # in Big Buck Bunny 126 of TransNetV2's 138 cuts and 3 others; 0.1: 130 and 20 others
INSTALL = "pip install 'seedvr2[shots]'"

Scores = Callable[[Iterable[Pixels]], Iterator[float]]


@dataclass(frozen=True)
class Detector:
    """scores: for each frame, in order, how surely it is the first of a shot, 0 to 1.

    instead_of: why it is not the one that was to be had by default; empty where it is.
    """

    name: str
    threshold: float
    scores: Scores
    instead_of: str = ""


@dataclass(frozen=True)
class FoundShot:
    """time: of its first frame, in seconds after the film's first. score: how sure the cut before it is, None
    for the first shot."""

    shot: Shot
    time: Fraction
    score: float | None


def choose_detector(word: ShotDetector, threshold: float | None = None) -> Detector:
    """The detector of that name. threshold: the least score of a cut; None: the detector's own.

    Raises UsageError where TransNetV2 is asked for and not installed, WeightsError where it is damaged.
    """
    missing = ""
    if word is not ShotDetector.SCENE:
        # importing it loads torch, which the scene score does without
        from seedvr2_cli.shots.transnet import TransNet, find_weights

        weights = find_weights()
        if weights is not None:
            net = TransNet(weights)
            return Detector("TransNetV2", _or(threshold, TRANSNET_THRESHOLD), _behind(net.probabilities))
        missing = f"TransNetV2, which finds more cuts, is not installed ({INSTALL})"
    if word is ShotDetector.TRANSNET:
        do = f"{INSTALL}, or take --detector scene"
        raise UsageError("TransNetV2 is not installed", where="--detector", do=do)
    return Detector("scene score", _or(threshold, SCENE_THRESHOLD), scene_scores, missing)


def find_shots(frames: Iterable[Frame], detector: Detector) -> tuple[FoundShot, ...]:
    """The shots of a film. frames: all of them in order, as `Reading(small=SMALL)` makes a reader give them.

    A run of frames that reach the threshold is one cut, at the surest of them: a fade is cut once. Of what is
    read only the frames that the detector holds are kept.
    """
    times: deque[Fraction] = deque()
    starts: list[tuple[int, Fraction, float | None]] = []
    best: tuple[int, Fraction, float] | None = None
    count = 0
    for count, score in enumerate(detector.scores(_pixels(frames, times)), start=1):
        time = times.popleft()
        if count == 1:
            starts.append((0, time, None))
        elif score >= detector.threshold:
            best = (count - 1, time, score) if best is None or score > best[2] else best
        elif best is not None:
            starts.append(best)
            best = None
    starts += [best] if best is not None else []
    stops = [*(first for first, _, _ in starts[1:]), count]
    return tuple(
        FoundShot(Shot(first, stop), time, score)
        for (first, time, score), stop in zip(starts, stops, strict=True)
    )


def _pixels(frames: Iterable[Frame], times: deque[Fraction]) -> Iterator[Pixels]:
    for frame in frames:
        times.append(frame.time)
        yield frame.pixels


def _behind(ends: Scores) -> Scores:
    """Scores of first frames from those of last ones: each frame has the score of the one before it."""

    def scores(frames: Iterable[Pixels]) -> Iterator[float]:
        return (before for before, _ in pairwise(chain([0.0], ends(frames))))

    return scores


def _or(threshold: float | None, usual: float) -> float:
    return usual if threshold is None else threshold
