"""How close two clips are, frame by frame: exact PSNR, SSIM and the largest error."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.compare.pictures import peak_of, same_depth
from seedvr2_cli.media.reader import Pixels

Map = NDArray[np.float64]

CHANNELS = ("red", "green", "blue")
WORST_KEPT = 4

# Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment, IEEE TIP 13 (4), 2004: window and constants
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # for samples of 0 to 1
LUMA = (0.299, 0.587, 0.114)  # the gray of its reference program

_EXACT_SAMPLES = 1 << 20  # this many squares of 65535 still add up exactly in float64
_STRIP_PIXELS = 1 << 15  # a few float64 maps of this many pixels stay in a processor's cache


@dataclass(frozen=True)
class LargestError:
    """levels: of the clip's peak. frame: counted from 0; x, y: pixels from the left and from the top."""

    levels: int
    frame: int
    x: int
    y: int
    channel: str


@dataclass(frozen=True)
class FrameScore:
    """index: 0 for the first frame. psnr: dB, infinite for equal frames. ssim: None below 11x11 pixels."""

    index: int
    psnr: float
    ssim: float | None


@dataclass(frozen=True)
class ClipScore:
    """peak: the largest value of a sample, 255 or 65535. psnr: dB against the peak, of R'G'B', its error
    pooled over the whole clip; infinite for equal clips.

    ssim: mean over the frames, None below 11x11 pixels. worst: the frames of the lowest PSNR, lowest first.
    """

    frames: int
    peak: int
    psnr: float
    ssim: float | None
    largest: LargestError
    worst: tuple[FrameScore, ...]

    @property
    def equal(self) -> bool:
        """Whether no sample differs."""
        return self.largest.levels == 0

    @property
    def rms(self) -> float:
        """The root of the mean squared error, as a part of the peak."""
        return 10 ** (-self.psnr / 20)


class Tally:
    """Takes pairs of frames in order and keeps no frame, so that memory does not grow with the clip."""

    def __init__(self) -> None:
        self._frames = self._squares = self._samples = 0
        self._peak = 255
        self._ssim: float | None = 0.0
        self._largest = LargestError(0, 0, 0, 0, CHANNELS[0])
        self._worst: list[FrameScore] = []

    def add(self, a: Pixels, b: Pixels) -> FrameScore:
        """Compare two frames (H, W, 3), uint8 or uint16; of different depth, both are taken as 16 bits.

        Raises ShapeError if their sizes differ.
        """
        if a.shape != b.shape:
            raise ShapeError(f"frames of {a.shape} and {b.shape} cannot be compared")
        a, b = same_depth(a, b)
        self._peak = peak_of(a)
        squares, levels, place = squared_error(a, b)
        similarity = ssim(a, b) if squares else _ssim_of_equal(a)
        score = FrameScore(self._frames, psnr(squares, a.size, self._peak), similarity)
        if levels > self._largest.levels:
            y, x, channel = place
            self._largest = LargestError(levels, self._frames, x, y, CHANNELS[channel])
        self._ssim = None if self._ssim is None or similarity is None else self._ssim + similarity
        self._worst = sorted([*self._worst, score], key=lambda s: (s.psnr, s.index))[:WORST_KEPT]
        self._frames += 1
        self._squares += squares
        self._samples += a.size
        return score

    def score(self) -> ClipScore:
        """What the frames so far amount to; at least one must have been added."""
        return ClipScore(
            frames=self._frames,
            peak=self._peak,
            psnr=psnr(self._squares, self._samples, self._peak),
            ssim=None if self._ssim is None else self._ssim / self._frames,
            largest=self._largest,
            worst=tuple(self._worst),
        )


def frame_psnr(a: Pixels, b: Pixels) -> float:
    """dB of one pair of frames (H, W, 3), as `Tally.add` takes them; infinite for equal ones."""
    a, b = same_depth(a, b)
    return psnr(squared_error(a, b)[0], a.size, peak_of(a))


def psnr(squares: int, samples: int, peak: int) -> float:
    """dB of `samples` samples whose squared errors add up to `squares`; infinite for 0."""
    return 10 * math.log10(peak * peak * samples / squares) if squares else math.inf


def squared_error(a: Pixels, b: Pixels) -> tuple[int, int, tuple[int, int, int]]:
    """The exact sum of squared differences of two frames (H, W, 3) of one type, the largest difference, and
    where that is first met: (row, column, channel)."""
    height, width, channels = a.shape
    step = max(1, _EXACT_SAMPLES // (width * channels))
    squares, levels, place = 0, 0, (0, 0, 0)
    for top in range(0, height, step):
        difference = np.subtract(a[top : top + step], b[top : top + step], dtype=np.int32)
        flat = difference.astype(np.float64).ravel(order="K")  # as it lies, no copy
        squares += int(np.dot(flat, flat))
        size = np.abs(difference, out=difference)
        at = int(size.argmax())
        if size.flat[at] > levels:
            row, column, channel = (int(i) for i in np.unravel_index(at, size.shape))
            levels, place = int(size.flat[at]), (top + row, column, channel)
    return squares, levels, place


def ssim(a: Pixels, b: Pixels) -> float | None:
    """Mean SSIM of the luma of two frames (H, W, 3) of one type; None below 11x11 pixels.

    As published: Gaussian window of 11x11, sigma 1.5, only where it lies whole in the frame, one scale;
    luma by BT.601's weights, not rounded.
    """
    height, width, _ = a.shape
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    if rows < 1 or columns < 1:
        return None
    step = max(1, _STRIP_PIXELS // width)
    total = 0.0
    for top in range(0, rows, step):
        strip = slice(top, min(top + step, rows) + WINDOW - 1)
        total += float(_ssim_map(_luma(a[strip]), _luma(b[strip])).sum())
    return total / float(rows * columns)


def _ssim_of_equal(a: Pixels) -> float | None:
    return 1.0 if min(a.shape[:2]) >= WINDOW else None


def _luma(pixels: Pixels) -> Map:
    """(H, W), 0 to 1."""
    luma: Map = pixels @ (np.array(LUMA) / peak_of(pixels))
    return luma


def _ssim_map(x: Map, y: Map) -> Map:
    mean_x, mean_y, squares, product = _blur(np.stack([x, y, x * x + y * y, x * y]))
    both = mean_x * mean_y
    means = mean_x * mean_x + mean_y * mean_y
    similar: Map = (2 * both + C1) * (2 * (product - both) + C2) / ((means + C1) * (squares - means + C2))
    return similar


def _blur(maps: Map) -> Map:
    """Gaussian means of maps (n, H, W) where the window lies whole in them, (n, H - 10, W - 10)."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    down: Map = _weighted(maps.swapaxes(0, 1), weights).swapaxes(0, 1)
    across: Map = _weighted(down.swapaxes(0, 2), weights).swapaxes(0, 2)
    return across


def _weighted(maps: Map, weights: Map) -> Map:
    """Weighted sums of neighbours along the first axis; the weights are symmetric."""
    count, last, half = len(maps) - WINDOW + 1, WINDOW - 1, WINDOW // 2
    total: Map = maps[half : half + count] * weights[half]
    pair = np.empty_like(total)
    for i in range(half):
        np.add(maps[i : i + count], maps[last - i : last - i + count], out=pair)
        pair *= weights[i]
        total += pair
    return total
