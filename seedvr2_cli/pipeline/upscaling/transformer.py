"""The transformer of a job: which file, how it computes, and what a window takes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import DeviceError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.dit.config import PATCH
from seedvr2_cli.dit.limits import Choice, working_bytes
from seedvr2_cli.dit.load import dit_dtype, load_onto
from seedvr2_cli.dit.model import DiT
from seedvr2_cli.dit.step import Folded, sample
from seedvr2_cli.hub.find import resolve
from seedvr2_cli.hub.known import TRANSFORMERS
from seedvr2_cli.hub.lookup import best_dit
from seedvr2_cli.ops.gate import Gate
from seedvr2_cli.ops.matrices import Arithmetic, check_arithmetic
from seedvr2_cli.ops.matrix_probe import WORTH, gain_of
from seedvr2_cli.ops.verdicts import verdicts_of
from seedvr2_cli.pipeline.options import ModelOptions, TransformerOptions

Tell = Callable[[], None]


@dataclass(frozen=True)
class Settled:
    """Bytes of weights. kept: from the first window on; passing: while a window goes through."""

    kept: int = 0
    passing: int = 0


class Restorer(Protocol):
    """What a job needs of a transformer; a test may put something simpler in its place.

    parts: how often `restore` calls its `tell` for one window. path: of the weights, if they lie in a file.
    """

    parts: int
    path: Path | None

    def restore(self, noise: Tensor, condition: Tensor, tell: Tell) -> Tensor:
        """noise, condition: a window, (T, h, w, 16), scaled. Returns the same shape, restored."""
        ...

    def window_bytes(self, shape: tuple[int, int, int]) -> int:
        """What a window of (T, h, w) latents takes beside the weights, an upper estimate."""
        ...

    def settle(self, room: int | None, passes: int, reporter: Reporter) -> Settled:
        """Keep weights ready in so many bytes, where they will be used again.

        room: None where it is not known how much there is. passes: how many windows will be restored.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """What it is, for the report."""
        ...


class Transformer:
    """A DiT with its text folded, asked for `steps` steps."""

    def __init__(self, dit: DiT, path: Path, steps: int, *, chooses: bool = True) -> None:
        """chooses: how many blocks stay ready is for `settle` to choose. Raises WeightsError where no text
        belongs to the model."""
        self.path: Path | None = path
        self._dit, self._steps, self._chooses = dit, steps, chooses
        self._fold = Folded(dit)
        self.parts = steps * dit.config.num_layers

    def restore(self, noise: Tensor, condition: Tensor, tell: Tell) -> Tensor:
        """See Restorer. Raises DeviceError where memory is used up."""
        try:
            return sample(self._dit, noise, condition, self._fold, self._steps, tell)
        except RuntimeError as error:  # also what torch raises where a CPU's memory is used up
            if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                what = f"out of memory on {self._dit.device} in a window of {tuple(noise.shape)}"
                raise DeviceError(what, do="give a smaller --window or --memory-budget") from error
            raise

    def window_bytes(self, shape: tuple[int, int, int]) -> int:
        """See Restorer."""
        grid = (shape[0], shape[1] // PATCH, shape[2] // PATCH)
        return working_bytes(self._dit.config, self._dit.dtype, grid, self._dit.limits)

    def settle(self, room: int | None, passes: int, reporter: Reporter) -> Settled:
        """See Restorer. What was given as a number of blocks stays."""
        if self._chooses:
            once = self._dit.device.type == "cpu" and passes * self._steps == 1
            self._dit.keep(0 if once else max(0, room or 0))
        reporter.emit(Line("DiT Loader", f"Blocks: {self._dit.say_blocks()}"))
        return Settled(*self._dit.ready_bytes())

    def facts(self) -> dict[str, Any]:
        """See Restorer."""
        dit = self._dit
        kind = {"path": str(self.path), "dtype": str(dit.dtype).removeprefix("torch."), "steps": self._steps}
        return kind | {"config": asdict(dit.config), "limits": asdict(dit.limits)}


TransformerLoader = Callable[[Device, Gate | None, ModelOptions, TransformerOptions, Reporter], Restorer]


def find_transformer(
    device: Device, model: ModelOptions, options: TransformerOptions, reporter: Reporter
) -> Path:
    """The file, downloaded if need be; which one was chosen unasked is said before. Raises WeightsError."""
    name = options.dit
    if name is None:
        free = device.free_bytes or 0
        known = best_dit(free, on_cpu=device.kind == "cpu")
        why = f"the best known one for {device.name} with {say_bytes(free)} free"
        reporter.emit(Line("Plan", f"transformer {known.name}, {say_bytes(known.nbytes or 0)}: {why}"))
        name = known.name
    return resolve(name, TRANSFORMERS, model.find, reporter)


def load_transformer(
    device: Device, gate: Gate | None, model: ModelOptions, options: TransformerOptions, reporter: Reporter
) -> Restorer:
    """Find and open the transformer. Raises WeightsError, DeviceError and OutputError."""
    path = find_transformer(device, model, options, reporter)
    dtype, why = dit_dtype(device, model.dtype)
    how = _arithmetic(torch.device(device.torch_name), dtype, _wanted(options, gate), reporter)
    choice = Choice(dtype, why, how, options.blocks, room=0)
    dit = load_onto(device, path, choice, reporter=reporter)
    return Transformer(dit, path, options.steps, chooses=options.blocks is None)


def _wanted(options: TransformerOptions, gate: Gate | None) -> Arithmetic:
    if options.int8:
        return Arithmetic.INT8
    return Arithmetic.FP8 if gate is not None and gate.products else Arithmetic.PLAIN


def _arithmetic(
    place: torch.device, dtype: torch.dtype, wanted: Arithmetic, reporter: Reporter
) -> Arithmetic:
    """What was asked for, unless it works here and is no gain; what does not work, loading says."""
    if wanted is Arithmetic.PLAIN or check_arithmetic(place, dtype, wanted):
        return wanted
    word = str(dtype).removeprefix("torch.")
    question = f"{wanted} products against {word}"
    gain = verdicts_of(place).recall(question, lambda: gain_of(place, dtype, wanted))
    if gain >= WORTH:
        return wanted
    text = f"Products: {word}: {wanted} is {gain:.2f} times as fast here, and rounds more"
    reporter.emit(Line("DiT Loader", text, level=Level.WARNING))
    return Arithmetic.PLAIN
