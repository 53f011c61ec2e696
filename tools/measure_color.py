"""What each color method leaves of a made-up model's faults: python tools/measure_color.py CLIP ...

The clip is the truth. The input: the truth reduced by --scale, through x264 at --crf (4:2:0). The
restoration: the truth, sharpened, 30 % more saturated, with an offset that wanders (1 level a frame, R'G'B'
apart), one that jumps (1 level), a field of 6 x 4 blobs that changes (2 levels), fine noise (2 levels) for
invented detail, and for invented color noise without lightness, blurred by 3 pixels, of --color-noise levels.
SeedVR2 is reported to saturate by about 30 % and to drift by 1 to 6 levels (hekmon/seedvr2x).

Columns, all against the truth: Delta E (CIELAB, 1976) after Gaussian blurs of 4 and 16 pixels; flicker: the
mean change of the 16 px error from frame to frame, in Delta E; saturation (mean chroma) and detail (variance
of the lightness' Laplacian), each as a share of the truth's.
"""

import argparse
import io
import itertools
import math
from pathlib import Path

import av
import torch
from torch import Tensor
from torch.nn import functional

from seedvr2_cli.base.choices import ColorMethod
from seedvr2_cli.color.cielab import lab_of
from seedvr2_cli.color.correct import Corrector
from seedvr2_cli.media.cut import Cut
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Reading
from seedvr2_cli.prepare.prepare import unit_frames
from seedvr2_cli.prepare.resize import resize

LEVEL = 2 / 255


def main() -> None:
    """Print one table for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--scale", nargs="+", type=int, default=[2, 4])
    parser.add_argument("--crf", nargs="+", type=int, default=[16, 26])
    parser.add_argument("--color-noise", nargs="+", type=float, default=[0, 3])
    asked = parser.parse_args()
    clips = [read(clip, asked.frames) for clip in asked.clips]
    for case in itertools.product(asked.scale, asked.crf, asked.color_noise):
        scale, crf, noise = case
        name = f"x{scale}, crf {crf}, color noise {noise:g}"
        print(f"| {name} | Delta E 4 px | Delta E 16 px | flicker | saturation | detail |")  # noqa: T201
        print("| --- " * 6 + "|")  # noqa: T201
        for method, columns in means(clips, *case).items():
            print("|", " | ".join([method, *(f"{value:.2f}" for value in columns)]), "|", flush=True)  # noqa: T201


def means(clips: list[Tensor], scale: int, crf: int, color_noise: float) -> dict[ColorMethod, list[float]]:
    """The five columns of every method, each the mean over the clips."""
    methods = [name for name in ColorMethod if name is not ColorMethod.AUTO]
    sums = {name: torch.zeros(5) for name in methods}
    for truth in clips:
        reference, content = as_input(truth, scale, crf), as_restored(truth, color_noise)
        for name in methods:
            corrector = Corrector(method=name, scale=scale, pool=len(truth))
            sums[name] += measured(corrector.correct(content, reference), truth)
    return {name: (total / len(clips)).tolist() for name, total in sums.items()}


def read(clip: Path, count: int) -> Tensor:
    """The first frames of a clip (N, 3, H, W) in [-1, 1], cut to multiples of 16."""
    ffmpeg = describe(find_ffmpeg())
    with FrameReader(probe(clip, ffmpeg), ffmpeg, Reading(cut=Cut(frames=count))) as reader:
        frames = unit_frames([frame.pixels for frame in reader]) * 2 - 1
    height, width = (side // 16 * 16 for side in frames.shape[2:])
    return frames[:, :, :height, :width].contiguous()


def as_input(truth: Tensor, scale: int, crf: int) -> Tensor:
    """What a small and compressed copy of the truth is after the resize back."""
    height, width = truth.shape[2:]
    small = resize((truth + 1) / 2, (width // scale, height // scale))
    packed = io.BytesIO()
    with av.open(packed, "w", "matroska") as film:
        stream = film.add_stream("libx264", 24, {"crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = width // scale, height // scale, "yuv420p"
        for frame in (small * 255).round().byte().permute(0, 2, 3, 1):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame.numpy(), "rgb24")))
        film.mux(stream.encode(None))
    packed.seek(0)
    with av.open(packed) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    return resize(unit_frames(pictures), (width, height)) * 2 - 1


def as_restored(truth: Tensor, color_noise: float) -> Tensor:
    """The truth with the faults of a model."""
    made = torch.Generator().manual_seed(13)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=made) * LEVEL

    count, _, height, width = truth.shape
    sharp = truth + 0.5 * (truth - gaussian(truth, 1.0))
    light = light_of(sharp)
    drift = noise(count, 3, 1, 1).cumsum(0) + noise(count, 3, 1, 1)
    blobs = functional.interpolate(2 * noise(count, 3, 4, 6), (height, width), mode="bicubic")
    saturated = light + 1.3 * (sharp - light)
    color = gaussian(noise(*truth.shape), 3.0)
    color *= color_noise * LEVEL / color.std()
    detail = 2 * noise(*truth.shape)
    return (saturated + drift + blobs + detail + color - light_of(color)).clamp(-1, 1)


def light_of(frames: Tensor) -> Tensor:
    """Y' (N, 1, H, W) by BT.709."""
    return (frames * frames.new_tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(1, keepdim=True)


def measured(corrected: Tensor, truth: Tensor) -> Tensor:
    """The five columns."""
    errors = {sigma: lab_of(gaussian(corrected, sigma)) - lab_of(gaussian(truth, sigma)) for sigma in (4, 16)}
    fine, coarse = (error.norm(dim=1).mean() for error in errors.values())
    flicker = errors[16].diff(dim=0).norm(dim=1).mean()
    chroma = [lab_of(frames)[:, 1:].norm(dim=1).mean() for frames in (corrected, truth)]
    detail = [laplacian(lab_of(frames)[:, :1]).var() for frames in (corrected, truth)]
    return torch.stack([fine, coarse, flicker, chroma[0] / chroma[1], detail[0] / detail[1]])


def gaussian(frames: Tensor, sigma: float) -> Tensor:
    """Blurred along both sides, edges reflected."""
    reach = math.ceil(3 * sigma)
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).view(1, 1, -1)
    for _ in range(2):
        rows = functional.pad(frames.flatten(0, 2)[:, None], (reach, reach), mode="reflect")
        frames = functional.conv1d(rows, taps).view_as(frames).transpose(2, 3)
    return frames


def laplacian(plane: Tensor) -> Tensor:
    """(N, 1, H, W): the four neighbours less four times the pixel."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    return functional.conv2d(plane, kernel)


if __name__ == "__main__":
    main()
