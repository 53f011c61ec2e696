"""Folded upsamplers give what expansion, shuffle and conv give, at every frame and border."""

import pytest
import torch

from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.vae.cache import Walk
from seedvr2_cli.vae.engine.convs import Pass
from seedvr2_cli.vae.engine.fold import FIRST, Folder
from seedvr2_cli.vae.engine.frames import Given, Strips
from seedvr2_cli.vae.engine.memory import ClipMemory, Room
from seedvr2_cli.vae.engine.program import Build, Maker
from seedvr2_cli.vae.engine.samplers import DoubledUpsample, StillUpsample
from seedvr2_cli.vae.layers import Upsample
from tests.vae.conftest import assert_equal

CPU = torch.device("cpu")


@pytest.mark.parametrize("doubles_time", [True, False], ids=["doubled", "still"])
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (2, 3)])
@pytest.mark.parametrize("rows", [None, 1, 2])
def test_a_folded_upsampler_gives_every_frame_and_border(doubles_time, size, rows):
    torch.manual_seed(0)
    up = Upsample(6, doubles_time=doubles_time).requires_grad_(False)
    for parameter in up.parameters():
        parameter.normal_()
    clip = torch.randn(1, 6, 4, *size)
    expected = up(clip, Walk(None))
    folded = Maker(Build(PlainKernels(CPU), torch.float32), up, "up").upsample(up, in_pairs=False)
    memory, frames = ClipMemory(Room(CPU)), []
    for k, frame in enumerate(clip[0].permute(1, 2, 3, 0).contiguous()):
        now = Pass(PlainKernels(CPU), memory, Strips(rows, None), keep=k < 3)
        if isinstance(folded, DoubledUpsample):
            outs = folded(now, Given(frame))
        else:
            assert isinstance(folded, StillUpsample)
            outs = folded(now, [Given(frame)])
        frames += [out.data.clone() for out in outs]
    got = torch.stack(frames).permute(3, 0, 1, 2)[None]
    assert_equal(got / expected.abs().max(), expected / expected.abs().max())


def test_the_folded_weights_are_summed_in_float32():
    up = Upsample(4, doubles_time=True).to(torch.bfloat16)
    assert up.upscale_conv.bias is not None
    folder = Folder(up.conv.weight, up.conv.bias, up.upscale_conv.weight, up.upscale_conv.bias)
    assert folder.kernel(0, 1, FIRST[0]).dtype == torch.float32
