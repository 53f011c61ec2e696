"""The transformer: a noisy latent and its condition to a velocity."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from seedvr2_cli.base.errors import DeviceError, SeedVR2Error, ShapeError, WeightsError
from seedvr2_cli.dit.block import BlockPlan, Rotations, rms, run_block
from seedvr2_cli.dit.blocks import Blocks
from seedvr2_cli.dit.condition import Condition, fold
from seedvr2_cli.dit.config import IN_CHANNELS, PATCH, DiTConfig, Variant
from seedvr2_cli.dit.layout import Layout, layout
from seedvr2_cli.dit.limits import Limits, block_sizes, kept_blocks
from seedvr2_cli.dit.patches import to_latents, to_tokens
from seedvr2_cli.dit.rope import rotation, text_angles, window_angles
from seedvr2_cli.dit.stored import Making, Weights
from seedvr2_cli.dit.windows import Grid
from seedvr2_cli.ops.matrices import Dense
from seedvr2_cli.weights.finite import is_finite, not_finite


class DiT:
    """SeedVR2's diffusion transformer with its weights, on one device. Nothing stays from call to call but
    the weights; those of blocks that are not kept are read from the mapped file on every call.
    """

    def __init__(self, config: DiTConfig, weights: Weights, making: Making, limits: Limits) -> None:
        self.config = config
        self.limits = limits
        self._making = making
        self._weights = weights
        self.blocks = Blocks(config, weights, making, limits.blocks)
        self._entry, self._exit = self._dense("vid_in.proj"), self._dense("vid_out.proj")
        self._norm = self.tensor("vid_out_norm.weight") if config.variant is Variant.B3 else None

    @property
    def device(self) -> torch.device:
        return self._making.device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the layers; the stream between them, and the result, are float32."""
        return self._making.dtype

    def keep(self, room: int) -> None:
        """Keep the weights of as many blocks ready as so many bytes hold, from the next call on."""
        blocks = kept_blocks(self._sizes(), self.device, room)
        self.limits = replace(self.limits, blocks=blocks)
        self.blocks = Blocks(self.config, self._weights, self._making, blocks)

    def ready_bytes(self) -> tuple[int, int]:
        """The bytes of the blocks that stay ready, and of those in passing: one at work and the next."""
        sizes, kept = self._sizes(), self.limits.blocks
        return sum(sizes[:kept]), 2 * max(sizes[kept:], default=0)

    def _sizes(self) -> list[int]:
        return block_sizes(self.config, self._weights, self._making)

    def say_blocks(self) -> str:
        """Where the blocks' weights are between two calls, in words."""
        kept, layers = self.limits.blocks, self.config.num_layers
        if kept == layers:
            return f"all {layers} stay ready"
        where = "host memory" if self.device.type == "cuda" else "the mapped file"
        return f"{kept} of {layers} stay ready, the others come from {where} on every pass"

    def __call__(self, x: Tensor, text: Tensor, t: float) -> Tensor:
        """The velocity at time t, 0 to 1000.

        x: (T, H, W, 33), H and W even: 16 channels of noise, 16 of the condition, the mask. text: (L,
        txt_in_dim). Returns (T, H, W, 16) float32 on the model's device. Raises ShapeError, and DeviceError
        for a result that is not finite.
        """
        return self.run(x, self.condition(text, t))

    def own_text(self) -> Tensor:
        """The prompt's embedding that belongs to the model, (L, txt_in_dim). Raises WeightsError for none."""
        if self._weights.text is None:
            what = f"brings no text, and the published one is not {self.config.txt_in_dim} wide"
            raise WeightsError(what, where=self._weights.path, do="put its pos_emb.safetensors beside it")
        return self._weights.text

    def condition(self, text: Tensor, t: float) -> Condition:
        """What text and time make of the model; worth keeping, where they stay the same."""
        if text.ndim != 2 or text.shape[1] != self.config.txt_in_dim or not len(text):
            wanted = f"(L, {self.config.txt_in_dim})"
            raise ShapeError(f"text of shape {tuple(text.shape)}, {wanted} expected", where="text")
        return fold(self.config, self.tensor, text.to(self.device), t)

    def run(self, x: Tensor, condition: Condition, tell: Callable[[], None] = lambda: None) -> Tensor:
        """`__call__` with text and time folded. tell: called when a block is done."""
        t, h, w, channels = x.shape if x.ndim == 4 else (0, 0, 0, 0)
        if channels != IN_CHANNELS or not t * h * w or h % PATCH or w % PATCH:
            what = f"x of shape {tuple(x.shape)}, (T, H, W, {IN_CHANNELS}) with even H and W expected"
            raise ShapeError(what, where="x")
        video, text = self.enter(x), condition.text
        plans = self.block_plans((t, h // PATCH, w // PATCH), len(text))
        for layer, weights in enumerate(self.blocks):
            text = run_block(plans[layer % 2], weights, condition.blocks[layer], video, text)
            tell()
        pieces = video.split(self.limits.tokens)
        out = torch.cat([self._exit(self.leave(rows, condition)) for rows in pieces])
        if not is_finite(out):
            raise self._explain()
        return to_latents(out, (t, h, w))

    def enter(self, x: Tensor) -> Tensor:
        """The stream of the video before the first block, (tokens, vid_dim) float32."""
        return self._entry(to_tokens(x.to(self.device, torch.float32)))

    def leave(self, video: Tensor, condition: Condition) -> Tensor:
        """The stream after the last block as the last layer takes it; the 3B norms and modulates it."""
        if condition.head_scale is None or condition.head_shift is None:
            return video
        return rms(video, self._norm).mul_(condition.head_scale).add_(condition.head_shift)

    def tensor(self, name: str) -> Tensor:
        """One tensor of the weights, float32 on the device."""
        return self._weights.float32(name, self.device)

    def block_plans(self, grid: Grid, text: int) -> tuple[BlockPlan, BlockPlan]:
        """For even blocks and for odd ones, whose windows are shifted."""
        layouts = [layout(grid, shifted=shifted, device=self.device) for shifted in (False, True)]
        rotations = self._rotations(layouts, text)
        limit = self.limits.tokens
        even, odd = (BlockPlan(self.config.heads, self.dtype, one, rotations, limit) for one in layouts)
        return even, odd

    def _rotations(self, layouts: list[Layout], text: int) -> Rotations:
        config = self.config
        sizes = {group.size for each in layouts for group in each.groups}
        by_size = {
            size: rotation(config, window_angles(config, size, text)).to(self.device) for size in sizes
        }
        angles = text_angles(config, text)
        return Rotations(by_size, None if angles is None else rotation(config, angles).to(self.device))

    def _dense(self, name: str) -> Dense:
        """A layer that is float32 whatever the others are: at either end it costs next to nothing."""
        return Dense(self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"))

    def _explain(self) -> SeedVR2Error:
        """Why a result is not finite: a weight is not, or a value grew too large for the type."""
        for name, stored in self._weights.tensors.items():
            weight = stored.dense(torch.float32)
            if not is_finite(weight):
                return not_finite(self._weights.path, name, weight, torch.float32)
        word = str(self.dtype).removeprefix("torch.")
        do = "give --dtype bfloat16 or float32" if self.dtype is torch.float16 else "give --dtype float32"
        return DeviceError(f"the transformer's values are not finite in {word}", do=do)
