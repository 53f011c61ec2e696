"""Grade a VAE file: python -m training.evaluate WORK [--vae FILE] [--clips FOLDER]

Prints PSNR (RGB, 8 bits, error pooled over the clip) and SSIM as `seedvr2 compare` measures them,
beside the best linear code of the same size: 16 numbers per 8x8x4 block by PCA.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seedvr2_cli.base.events import Silent
from seedvr2_cli.compare.metrics import ClipScore, Tally
from seedvr2_cli.hub.find import NANO_VAE
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader
from seedvr2_cli.vae.load import load_vae
from seedvr2_cli.vae.vae import VideoVAE
from training.film import HELD, SMALL, open_film

PIECE = 120  # frames of the held minutes that are coded as one clip: 5 s
# dB of the best linear code on whole clips: measured apart from this program
LINEAR = {
    "bbb_180p_aac.mp4": 24.0,
    "bbb_shots_270p.mp4": 27.2,
    "minutes 4:00 to 6:00": 26.5,
    "Eyes_212x120.mp4": 33.9,
    "Mustache_640x360.mp4": 31.3,
    "city_640x360.mp4": 19.2,
}
Pictures = NDArray[np.uint8]  # (T, H, W, 3)


def clips(work: Path, folder: Path) -> Iterator[tuple[str, list[Pictures]]]:
    """(name, pieces), the held minutes first."""
    film = open_film(work, SMALL)
    begin, end = HELD[0]
    yield "minutes 4:00 to 6:00", [film[first : first + PIECE] for first in range(begin, end, PIECE)]
    ffmpeg = describe(find_ffmpeg())
    for name in LINEAR:
        if (folder / name).is_file():
            with FrameReader(probe(folder / name, ffmpeg), ffmpeg) as reader:
                yield name, [np.stack([frame.pixels for frame in reader])]


def grade(vae: VideoVAE, pieces: list[Pictures]) -> ClipScore:
    """Each piece through the VAE and back."""
    tally = Tally()
    for piece in pieces:
        for before, after in zip(piece, round_trip(vae, piece), strict=True):
            tally.add(before, after)
    return tally.score()


def round_trip(vae: VideoVAE, piece: Pictures) -> Pictures:
    """Padded by repetition to whole latents, there and back, cut and rounded."""
    count, height, width, _ = piece.shape
    padding = ((0, -(count - 1) % 4), (0, -height % 8), (0, -width % 8), (0, 0))
    x = torch.from_numpy(np.pad(piece, padding, mode="edge")).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    latents = [posterior.mean for posterior in vae.encode_stream(x)]
    frames = torch.cat(list(vae.decode_stream(latents)), 2)[0, :, :count, :height, :width]
    return ((frames.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 3, 0).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("work", type=Path, help="the folder of training.material")
    parser.add_argument("--vae", type=Path, default=NANO_VAE)
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    parser.add_argument("--dtype", default="auto")
    given = parser.parse_args()
    vae = load_vae(given.vae, dtype=given.dtype, reporter=Silent())
    print(f"{'clip':24}  PSNR dB   SSIM  linear dB")  # noqa: T201
    for name, pieces in clips(given.work, given.clips):
        score = grade(vae, pieces)
        print(f"{name:24}  {score.psnr:7.2f}  {score.ssim:.3f}  {LINEAR[name]:9.1f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
