"""Three taps in time of one 2-D kernel: summed, merged for a clip's first frame, or two frames at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Kernels, Packed
from seedvr2_cli.vae.engine.buffers import Scratch


class Triple:
    """A conv over three frames as 2-D convs of its taps, each frame in a buffer of its own.

    taps: three (O, I, kh, kw), the oldest first; bias: (O,). in_pairs: frames come in pairs after the clip's
    first, and go through temporal Winograd F(2, 3): two frames from four with four convs in place of six
    (spec/perf.md 2). Its error in bf16 is 1.5 times that of the plain sum.
    """

    def __init__(
        self,
        kernels: Kernels,
        taps: Sequence[Tensor],
        bias: Tensor,
        dtype: torch.dtype,
        *,
        columns: int,
        in_pairs: bool,
    ) -> None:
        oldest, middle, newest = (tap.float() for tap in taps)
        self._kernels = kernels
        self._bias = bias.to(kernels.device, torch.float32)
        self.in_pairs = in_pairs

        def pack(weight: Tensor) -> Packed:
            return kernels.pack(weight, dtype, columns=columns)

        self._oldest, self._newest = pack(oldest), pack(newest)
        # of the merged taps Winograd needs one half, which a power of two gives back exactly
        self._merged = pack((oldest + middle + newest) * (0.5 if in_pairs else 1.0))
        self._other = pack((oldest - middle + newest) * 0.5 if in_pairs else middle)

    def __call__(self, frames: Sequence[Tensor], old: int, scratch: Scratch) -> Sequence[Tensor]:
        """The sums of the new frames. frames: `old` ones (none at a clip's start, one that stands for two, or
        two), then one or two new ones; rows (r, W, I) -> (r', W', O), new memory, for each."""
        if not old:
            assert len(frames) == 1, "a clip's first frame comes alone"
            return (self.first(frames[0]),)
        if old == 1:
            frames = (frames[0], *frames)
        return (self.single(*frames),) if len(frames) == 3 else self.pair(frames, scratch)

    def first(self, new: Tensor) -> Tensor:
        """The clip's first frame, its own history."""
        if not self.in_pairs:
            return self._kernels.conv(new, self._merged, self._bias)
        return self._kernels.conv(new, self._merged, self._bias * 0.5).mul_(2)

    def single(self, oldest: Tensor, middle: Tensor, new: Tensor) -> Tensor:
        """One frame behind two."""
        kernels = self._kernels
        total = kernels.conv(oldest, self._oldest, self._bias)
        if self.in_pairs:  # the middle tap is the difference of the two that are held
            kernels.add_conv(total, middle, self._merged)
            total.sub_(kernels.conv(middle, self._other))
        else:
            kernels.add_conv(total, middle, self._other)
        kernels.add_conv(total, new, self._newest)
        return total

    def pair(self, frames: Sequence[Tensor], scratch: Scratch) -> tuple[Tensor, Tensor]:
        """Two frames behind two. frames: all four, the oldest first."""
        if not self.in_pairs:
            return self.single(*frames[:3]), self.single(*frames[1:])
        kernels = self._kernels
        a, b, c, d = frames
        mixed = scratch.take("mixed", c.shape, c.dtype)
        earlier = kernels.conv(torch.add(b, c, out=mixed), self._merged, self._bias)
        apart = kernels.conv(torch.sub(c, b, out=mixed), self._other)
        later = scratch.take("later", earlier.shape, earlier.dtype)
        torch.sub(earlier, apart, out=later)
        earlier.add_(apart)
        kernels.add_conv(earlier, torch.sub(a, c, out=mixed), self._oldest)
        kernels.add_conv(later, torch.sub(d, b, out=mixed), self._newest)
        return earlier, later
