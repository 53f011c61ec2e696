"""Pictures to tensors and back: range, padding, cropping, rounding."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.plan.geometry import padded_size, reflected_indices
from seedvr2_cli.plan.slices import padded_count

PixelType = type[np.uint8] | type[np.uint16]

_BAND = 1 << 16  # pixels: 768 KiB as float32
HALF_RANGE = {1: 127.5, 2: 32767.5}  # half of the largest value, by bytes of a sample


def to_tensor(pictures: Sequence[Pixels], multiple: int) -> Tensor:
    """Pictures (H, W, 3), uint8 or uint16, as (1, 3, T, H', W') float32 in [-1, 1].

    H' and W' are multiples of `multiple`: the right and bottom sides are padded by reflection.
    """
    stack = pictures[0][None] if len(pictures) == 1 else np.stack(list(pictures))
    _, height, width, _ = stack.shape
    rows, columns = padded_size(height, multiple), padded_size(width, multiple)
    half = HALF_RANGE[stack.itemsize]
    values = stack.astype(np.float32)
    values /= half  # in numpy: torch's threads would wait for each other beside those of ffmpeg
    values -= 1
    x = torch.from_numpy(values).permute(3, 0, 1, 2).unsqueeze(0)
    if rows != height:
        x = x.index_select(3, torch.tensor(reflected_indices(height, rows)))
    if columns != width:
        x = x.index_select(4, torch.tensor(reflected_indices(width, columns)))
    return x


def to_pixels(frames: Tensor, size: tuple[int, int], dtype: PixelType) -> Pixels:
    """Frames (1, 3, T, H', W') as pictures (T, H, W, 3), cropped to size (width, height).

    Values are clamped to [-1, 1] and rounded half to even, in float32.
    """
    width, height = size
    shape = (frames.shape[2], 3, height, width)
    pictures: Pixels = np.empty(shape, np.uint8) if dtype is np.uint8 else np.empty(shape, np.uint16)
    pictures = pictures.transpose(0, 2, 3, 1)  # as they lie in the model, and in the pipe
    half = HALF_RANGE[pictures.itemsize]
    whole = torch.uint8 if pictures.itemsize == 1 else torch.int32
    shown = frames[0, :, :, :height, :width].permute(1, 2, 3, 0)
    bands = _bands(height, width) if frames.device.type == "cpu" else [slice(0, height)]
    for frame, picture in zip(shown, pictures, strict=True):
        for part in bands:
            if frame.device.type == "cpu":
                values = np.clip(
                    frame[part].float().numpy(), -1, 1
                )  # a copy, so the rest can be done in place
                values += 1
                values *= half
                picture[part] = np.rint(values, out=values)
            else:
                x = frame[part].float().clamp(-1, 1)
                picture[part] = x.add_(1).mul_(half).round_().to(whole).cpu().numpy()
    return pictures


def _bands(height: int, width: int) -> list[slice]:
    """Rows in pieces that stay in a core's cache from the first step to the last."""
    step = max(1, _BAND // width)
    return [slice(top, top + step) for top in range(0, height, step)]


class Clip:
    """The pictures of a clip on their way into the model: filled up at the end, and counted.

    factor: frames per latent. The last picture is repeated until factor * n + 1 are there.
    """

    def __init__(self, pictures: Iterable[Pixels], factor: int, multiple: int) -> None:
        self._pictures = pictures
        self._factor = factor
        self._multiple = multiple
        self.count = 0  # pictures read so far, the repeated ones left out

    def tensors(self) -> Iterator[Tensor]:
        """Each picture as (1, 3, 1, H', W') in [-1, 1], then the last one again as often as needed."""
        x: Tensor | None = None
        for picture in self._pictures:
            self.count += 1
            x = to_tensor([picture], self._multiple)
            yield x
        if x is not None:
            for _ in range(padded_count(self.count, self._factor) - self.count):
                yield x
