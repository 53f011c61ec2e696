"""Random clips to train on, from the prepared material: film, pictures that move, made patterns."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.film import CHUNK, CREDITS, LARGE, SMALL, allowed_chunks, allowed_starts, open_film

Clip = NDArray[np.uint8]  # (T, H, W, 3)
Draw = np.random.Generator

TILE = 320  # pixels; pictures are kept in pieces of this size

FILM, DETAIL, PICTURE = 0.62, 0.16, 0.16  # parts of the clips; the rest are patterns


@dataclass(frozen=True)
class Size:
    """Of a batch: clips, frames, height, width; frames = 4n + 1, sides multiples of 8."""

    clips: int
    frames: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Pixels in all frames."""
        return self.clips * self.frames * self.height * self.width


class Samples:
    """Draws batches from what `training.material` put into folder."""

    def __init__(self, folder: Path) -> None:
        self._small = open_film(folder, SMALL)
        self._large = open_film(folder, LARGE)
        with np.load(folder / "pictures.npz") as pictures:
            self._pictures = [tile for name in sorted(pictures.files) for tile in _tiles(pictures[name])]

    def batch(self, size: Size, *key: int) -> Tensor:
        """(B, T, H, W, 3) float32 in [-1, 1]; the same key draws the same clips."""
        draw = np.random.default_rng(key)
        clips = np.stack([varied(self._clip(size, draw), draw) for _ in range(size.clips)])
        return torch.from_numpy(np.ascontiguousarray(clips)).float().div_(127.5).sub_(1)

    def _clip(self, size: Size, draw: Draw) -> Clip:
        part = draw.random()
        if part < FILM:
            return self._film(size, draw)
        if part < FILM + DETAIL and size.height * 2 <= LARGE.height and size.frames <= CHUNK:
            return self._detail(size, draw)
        if part < FILM + DETAIL + PICTURE:
            return self._picture(size, draw)
        return self._pattern(size, draw)

    def _film(self, size: Size, draw: Draw) -> Clip:
        """At the film's own small size, one frame in a row, sometimes every second one."""
        step = 2 if draw.random() < 0.15 else 1
        starts = allowed_starts(size.frames * step)
        while True:
            first = int(draw.choice(starts))
            if first < CREDITS or draw.random() < 0.1:
                break
        return cut(self._small[first : first + size.frames * step : step], size.height, size.width, draw)

    def _detail(self, size: Size, draw: Draw) -> Clip:
        """From the film's larger size, as it is or made smaller by some factor below two."""
        number = int(draw.choice(allowed_chunks()))
        begin = int(draw.integers(CHUNK - size.frames + 1))
        frames = self._large[number, begin : begin + size.frames]
        factor = draw.choice([1.0, 1.33])
        if factor == 1.0:
            return cut(frames, size.height, size.width, draw)
        larger = cut(frames, round(size.height * factor), round(size.width * factor), draw)
        small = F.interpolate(
            torch.from_numpy(np.ascontiguousarray(larger)).permute(0, 3, 1, 2).float(),
            (size.height, size.width),
            mode="bilinear",
            antialias=True,
        )
        return small.round_().clamp_(0, 255).byte().permute(0, 2, 3, 1).numpy()

    def _picture(self, size: Size, draw: Draw) -> Clip:
        """A camera that moves over a picture: pan, zoom, turn, a change of light, grain."""
        picture = self._pictures[draw.integers(len(self._pictures))]
        image = picture.permute(2, 0, 1)[None].float() / 127.5 - 1
        time = np.linspace(0, 1, size.frames)
        speed = draw.choice([0.0, 1.0, 4.0, 12.0]) * size.frames / 4  # pixels over the clip
        angle = draw.uniform(0, 2 * math.pi)
        zoom = 0.8 * (1 + draw.choice([0.0, 0.15]) * draw.uniform(-1, 1) * time)
        turn = draw.choice([0.0, 0.1]) * draw.uniform(-1, 1) * time
        high, wide = image.shape[2:]
        x = draw.uniform(0.2, 0.8) * wide + speed * math.cos(angle) * time
        y = draw.uniform(0.2, 0.8) * high + speed * math.sin(angle) * time
        cos, sin = np.cos(turn) * zoom, np.sin(turn) * zoom
        theta = np.stack([
            np.stack([cos * size.width / wide, -sin * size.height / wide, 2 * x / wide - 1], -1),
            np.stack([sin * size.width / high, cos * size.height / high, 2 * y / high - 1], -1),
        ], 1)  # fmt: skip
        grid = F.affine_grid(
            torch.from_numpy(theta).float(), [size.frames, 3, size.height, size.width], align_corners=False
        )
        moved = F.grid_sample(
            image.expand(size.frames, -1, -1, -1), grid, padding_mode="reflection", align_corners=False
        ).permute(0, 2, 3, 1).numpy()  # fmt: skip
        light = 1 + draw.choice([0.0, 0.2]) * draw.uniform(-1, 1) * time
        moved = (moved + 1) * light[:, None, None, None].astype(np.float32) - 1
        if draw.random() < 0.2:
            moved = moved + draw.normal(0, draw.uniform(0, 0.04), moved.shape)
        return np.clip(np.rint((moved + 1) * 127.5), 0, 255).astype(np.uint8)

    def _pattern(self, size: Size, draw: Draw) -> Clip:
        """Gradients, gratings, strokes like text, flat patches and noise, standing or moving."""
        y, x = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32)
        speed = draw.choice([0.0, 0.5, 2.0]) * draw.normal(size=2)
        colors = draw.uniform(-1, 1, (2, 3)).astype(np.float32)
        makers: list[Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]] = [
            self._gradient(size, draw), self._grating(draw),
            self._blocks(size, draw), self._strokes(size, draw),
        ]  # fmt: skip
        make = makers[draw.integers(len(makers))]
        frames = []
        for t in range(size.frames):
            mask = make(x + speed[0] * t, y + speed[1] * t)[..., None]
            frames.append(colors[0] * (1 - mask) + colors[1] * mask)
        clip = np.stack(frames)
        if draw.random() < 0.2:
            clip = clip + draw.normal(0, draw.uniform(0, 0.06), clip.shape)
        return np.clip(np.rint((clip + 1) * 127.5), 0, 255).astype(np.uint8)

    def _gradient(self, size: Size, draw: Draw) -> Callable[..., NDArray[np.float32]]:
        gx, gy = draw.normal(size=2) / max(size.height, size.width)
        return lambda x, y: np.clip(0.5 + gx * (x - size.width / 2) + gy * (y - size.height / 2), 0, 1)

    def _grating(self, draw: Draw) -> Callable[..., NDArray[np.float32]]:
        angle, period = draw.uniform(0, math.pi), draw.uniform(4, 40)
        hard = draw.random() < 0.5
        kx, ky = (2 * math.pi / period * f(angle) for f in (math.cos, math.sin))

        def wave(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
            value = np.sin(kx * x + ky * y)
            return np.clip(0.5 + 2 * value, 0, 1) if hard else 0.5 + 0.5 * value

        return wave

    def _blocks(self, size: Size, draw: Draw) -> Callable[..., NDArray[np.float32]]:
        cell = draw.integers(4, 33)
        table = draw.random((64, 64)).astype(np.float32)
        return lambda x, y: table[np.int64(y // cell) % 64, np.int64(x // cell) % 64]

    def _strokes(self, size: Size, draw: Draw) -> Callable[..., NDArray[np.float32]]:
        """Rows of upright, lying and slanted strokes, one cell a letter."""
        table = draw.integers(0, 6, (64, 64))
        cell, thick = draw.uniform(8, 20), draw.uniform(1.2, 2.5)

        def letters(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
            kind = table[np.int64(y // cell) % 64, np.int64(x // cell) % 64]
            u, v = (x % cell) - cell / 2, (y % cell) - cell / 2
            lines = np.stack([
                np.abs(u), np.abs(v), np.abs(u - v) * 0.7, np.abs(u + v) * 0.7,
                np.abs(np.hypot(u, v) - cell / 3), np.full_like(u, 9),
            ])  # fmt: skip
            distance = np.take_along_axis(lines, kind[None], 0)[0]
            return np.clip(thick - distance, 0, 1).astype(np.float32)

        return letters


def cut(frames: Clip, height: int, width: int, draw: Draw) -> Clip:
    """A window at a random place; frames smaller than it are repeated at their edges."""
    high, wide = frames.shape[1:3]
    short = (max(0, height - high), max(0, width - wide))
    if any(short):
        frames = np.pad(frames, ((0, 0), (0, short[0]), (0, short[1]), (0, 0)), mode="edge")
    top = int(draw.integers(frames.shape[1] - height + 1))
    left = int(draw.integers(frames.shape[2] - width + 1))
    return frames[:, top : top + height, left : left + width]


def varied(clip: Clip, draw: Draw) -> Clip:
    """Mirrored, played backwards, colors exchanged: what leaves natural pictures natural enough."""
    if draw.random() < 0.5:
        clip = clip[:, :, ::-1]
    if draw.random() < 0.15:
        clip = clip[:, ::-1]
    if draw.random() < 0.3:
        clip = clip[::-1]
    if draw.random() < 0.15:
        clip = clip[..., draw.permutation(3)]
    if draw.random() < 0.2:
        gain, gamma = draw.uniform(0.7, 1.1), draw.uniform(0.8, 1.25)
        table = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).round().astype(np.uint8)
        clip = table[clip]
    return clip


def _tiles(picture: Clip) -> list[Tensor]:
    """A picture (H, W, 3) at full, half and quarter size, in tiles that are quick to draw from."""
    tiles = []
    image = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    while min(image.shape[2:]) >= TILE // 2:
        pixels = image[0].round().clamp(0, 255).byte().permute(1, 2, 0)
        for top in range(0, max(1, pixels.shape[0] - TILE // 2), TILE // 2):
            for left in range(0, max(1, pixels.shape[1] - TILE // 2), TILE // 2):
                tiles.append(pixels[top : top + TILE, left : left + TILE].clone())
        image = F.interpolate(image, scale_factor=0.5, mode="bilinear", antialias=True)
    return tiles
