"""oneDNN's convs on a CPU: kernels packed once, sums made in place, norm and SiLU in one pass.

The operators are torch's own, made for its compiler: names without a promise. `ops.select` takes this back
end only where it gave the right values.
"""

import torch
from torch import Tensor

from seedvr2_cli.ops.kernels import Packed, as_picture, as_rows
from seedvr2_cli.ops.moments import Moments

ONE = [1, 1]
NONE = [0, 0]


class OneDNN:
    """float32 and 16-bit types. Three summed 2-D convs took 0.45 to 0.83 of a 3-D conv's time on a CPU with
    AMX."""

    name = "oneDNN"
    device = torch.device("cpu")

    def winograd_pays(self, channels: int, dtype: torch.dtype) -> bool:
        """With AMX a conv of 128 channels in 16 bits is as cheap as the sums (1.03 times faster, bench vae;
        256: 1.15, 512: 1.25); without it, and in float32, convs cost five times as much."""
        return dtype == torch.float32 or channels >= 256 or not torch.cpu._is_amx_tile_supported()

    def pack(self, weight: Tensor, dtype: torch.dtype, *, stride: int = 1, columns: int = 0) -> Packed:
        plain = weight.to(dtype).contiguous()
        example = [1, plain.shape[1], 64, 64]  # the blocking depends on channels, not on the picture
        return Packed(_reordered(plain, [0, columns], [stride, stride], 1, example), stride, columns)

    def conv(self, rows: Tensor, kernel: Packed, bias: Tensor | None = None) -> Tensor:
        stride = [kernel.stride, kernel.stride]
        out = torch.ops.mkldnn._convolution_pointwise(
            as_picture(rows), kernel.weight, bias, [0, kernel.columns], stride, ONE, 1, "none", [], ""
        )
        return as_rows(out)

    def add_conv(self, total: Tensor, rows: Tensor, kernel: Packed) -> None:
        stride = [kernel.stride, kernel.stride]
        torch.ops.mkldnn._convolution_pointwise_.binary(
            as_picture(total),
            as_picture(rows),
            kernel.weight,
            None,
            [0, kernel.columns],
            stride,
            ONE,
            1,
            "add",
            1.0,
            None,
            [],
            None,
        )

    def norm_silu(self, rows: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> None:
        """As a depthwise conv of one tap with SiLU behind it: one pass, and one rounding, in float32 inside.

        It took 0.6 of the time of `addcmul` and `silu`.
        """
        channels = len(scale)
        picture = as_picture(rows)
        weight = scale.to(rows.dtype).view(-1, 1, 1, 1)
        packed = _reordered(weight, NONE, ONE, channels, list(picture.shape))  # else it is taken for NCHW
        fused = torch.ops.mkldnn._convolution_pointwise(
            picture, packed, shift, NONE, ONE, ONE, channels, "swish", [], ""
        )
        out.copy_(as_rows(fused))

    def moments(self, rows: Tensor) -> Moments:
        channels = rows.shape[-1]
        count = rows.shape[0] * rows.shape[1]
        unused = torch.zeros(channels), torch.ones(channels)  # in float32, they make the results float32
        mean, variance = torch.batch_norm_update_stats(as_picture(rows), *unused, 0.0)
        return Moments(count, mean, variance * count)


def _reordered(
    weight: Tensor, padding: list[int], stride: list[int], groups: int, picture: list[int]
) -> Tensor:
    """The weight in oneDNN's own layout for a picture of this shape."""
    reorder = torch._C._nn.mkldnn_reorder_conv2d_weight
    return reorder(weight.to_mkldnn(), padding, stride, ONE, groups, picture)  # type: ignore[call-arg]
