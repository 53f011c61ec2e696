"""What an upscaler over the nano VAE could reach at best: python -m training.ceiling WORK --wheel STLPIPS.whl

Pieces of 9 frames that were never trained on, made half as large and enlarged again (bicubic, as `upscale`
does it). Beside the enlarged picture stand its round trip through the VAE, which is what a transformer that
changes nothing gives; the round trip of the truth; and the best latents: searched for by gradient through the
decoder with the truth in view, for a part of 96x96 pixels, which is more than any transformer can know.
Grades: PSNR, and ShiftTolerant-LPIPS with AlexNet; the search goes by the one with VGG. Everything but the
enlarged picture has the color of `upscale`. WORK/ceiling_NAME.png shows the parts: enlarged, best, truth.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seedvr2_cli.base.events import Silent
from seedvr2_cli.color.transfer import transfer
from seedvr2_cli.hub.find import NANO_VAE
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader
from seedvr2_cli.prepare.resize import resize
from seedvr2_cli.vae.load import choose_config
from seedvr2_cli.vae.network import Network
from seedvr2_cli.weights.assign import assign
from seedvr2_cli.weights.open import open_weights
from training import forward
from training.film import HELD, LARGE, PERIOD, open_film
from training.perception import ALEX, VGG, Perception

FRAMES = 9
# first frames of the film's pieces: four of the held minutes, one of the held seconds
STARTS = (5_880, 6_720, 7_560, 8_400, 1_200)
CLIPS = ("Mustache_640x360.mp4", "city_640x360.mp4", "Eyes_212x120.mp4")
WHOLE = (224, 320)  # pixels, height and width: the middle of a piece
PART = 96  # pixels: the side of what latents are searched for
STEPS, RATE = 60, 0.06  # of the search
PIXELS = 8.0  # weight of the squared error beside the look


@dataclass(frozen=True)
class Grades:
    """How a clip compares with the truth: two looks, 0 is equal, and dB."""

    alex: float
    vgg: float
    psnr: float

    def __str__(self) -> str:
        return f"{self.alex:7.4f} {self.vgg:7.4f} {self.psnr:6.2f}"


class Judge:
    """Grades clips (1, T, H, W, 3) in [-1, 1], by frames 1, 4 and 8 where it is the look."""

    def __init__(self, wheel: Path) -> None:
        self._alex = Perception.from_wheel(wheel, ALEX, torch.bfloat16)
        self.vgg = Perception.from_wheel(wheel, VGG, torch.bfloat16)

    @torch.no_grad()
    def __call__(self, clip: Tensor, truth: Tensor) -> Grades:
        a, b = rounded(clip), rounded(truth)
        alex, vgg = (
            float(torch.cat([look(planes(a, n), planes(b, n)) for n in (1, 4, 8)]).mean())
            for look in (self._alex, self.vgg)
        )
        return Grades(alex, vgg, -10 * math.log10(float((a - b).square().mean()) / 4))


def pieces(work: Path, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """(name, clip (1, 9, H, W, 3) in [-1, 1]): the middle, in sides of whole tokens."""
    film = open_film(work, LARGE)
    for start in STARTS:
        assert any(begin <= start and start + FRAMES <= end for begin, end in HELD)
        yield f"film {start}", _middle(film[start // PERIOD, :FRAMES], WHOLE)
    ffmpeg = describe(find_ffmpeg())
    for name in CLIPS:
        with FrameReader(probe(folder / name, ffmpeg), ffmpeg) as reader:
            frames = [frame.pixels for frame, _ in zip(reader, range(FRAMES), strict=False)]
        yield name, _middle(np.stack(frames), WHOLE)


def _middle(frames: np.ndarray, size: tuple[int, int]) -> Tensor:
    corner = []
    for wanted, side in zip(size, frames.shape[1:3], strict=True):
        kept = min(wanted, side // 16 * 16)
        corner.append(slice((side - kept) // 2, (side - kept) // 2 + kept))
    part = np.ascontiguousarray(frames[:, corner[0], corner[1]])
    return torch.from_numpy(part)[None].float() / 127.5 - 1


def load_network() -> Network:
    """The embedded VAE as training computes with it."""
    with open_weights(NANO_VAE) as source:
        config, _ = choose_config(None, source, Silent())
        network = Network.on_meta(config)
        assign(network, source, dtype_of=lambda _: torch.float32, device="cpu")
    return network.requires_grad_(False)


def enlarged(truth: Tensor) -> Tensor:
    """Half the size, 8 bits, and back as `upscale` does it. (1, T, H, W, 3) in [-1, 1]."""
    frames = (truth[0].permute(0, 3, 1, 2) + 1) / 2
    height, width = frames.shape[2:]
    small = resize(frames, (width // 2, height // 2)).mul_(255).round_().div_(255)
    return (resize(small, (width, height)) * 2 - 1).permute(0, 2, 3, 1)[None].contiguous()


def decoded(network: Network, latents: Tensor, before: Tensor) -> Tensor:
    """Latents (1, t, h, w, 16) in the color of the enlarged picture, a constant for the gradient."""
    result = forward.decode(network.decoder, latents)
    content, reference = (clip.detach()[0].permute(0, 3, 1, 2).contiguous() for clip in (result, before))
    return result + (transfer(content, reference) - content).permute(0, 2, 3, 1)


def search(network: Network, judge: Judge, truth: Tensor, before: Tensor) -> Tensor:
    """The clip of the best latents that STEPS steps find, from those of the truth on."""
    latents = encoded(network, truth).requires_grad_(True)
    adam = torch.optim.Adam([latents], betas=(0.9, 0.95))
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        clip = decoded(network, latents, before)
        frame = step * 5 % FRAMES
        look = judge.vgg(planes(clip.clamp(-1, 1), frame), planes(truth, frame)).mean()
        adam.zero_grad()
        (look + PIXELS * (clip - truth).square().mean()).backward()
        adam.step()
    return decoded(network, latents.detach(), before)


@torch.no_grad()
def encoded(network: Network, clip: Tensor) -> Tensor:
    """The mean: (1, 3, H / 8, W / 8, 16)."""
    return forward.encode(network.encoder, clip)[..., :16]


def planes(clip: Tensor, frame: int) -> Tensor:
    """One frame of (1, T, H, W, 3) as (1, 3, H, W)."""
    return clip[:, frame].permute(0, 3, 1, 2)


def rounded(clip: Tensor) -> Tensor:
    """To 8 bits."""
    return ((clip.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def picture(*clips: Tensor) -> Image.Image:
    """The middle frame of each, side by side, four times as large."""
    row = torch.cat([clip[0, FRAMES // 2] for clip in clips], 1)
    image = Image.fromarray(((row.clamp(-1, 1) + 1) * 127.5).round().byte().numpy())
    return image.resize((image.width * 4, image.height * 4), Image.Resampling.NEAREST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("work", type=Path, help="the folder of training.material")
    parser.add_argument("--wheel", type=Path, required=True, help="stlpips_pytorch-0.0.2-py3-none-any.whl")
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    network, judge = load_network(), Judge(given.wheel)
    for name, truth in pieces(given.work, given.clips):
        before = enlarged(truth)
        clips = {
            "enlarged": before,
            "its round trip": decoded(network, encoded(network, before), before),
            "the truth's": decoded(network, encoded(network, truth), before),
        }
        for what, clip in clips.items():
            print(f"{name:22} whole {what:15} {judge(clip, truth)}", flush=True)  # noqa: T201
        top, left = ((side - PART) // 16 * 8 for side in truth.shape[2:4])
        part = (slice(None), slice(None), slice(top, top + PART), slice(left, left + PART))
        truth, before = truth[part].contiguous(), before[part].contiguous()
        best = search(network, judge, truth, before)
        for what, clip in (("enlarged", before), ("best latents", best)):
            print(f"{name:22} part  {what:15} {judge(clip, truth)}", flush=True)  # noqa: T201
        picture(before, best, truth).save(
            given.work / f"ceiling_{name.partition('.')[0].replace(' ', '_')}.png"
        )


if __name__ == "__main__":
    main()
