"""The memory plan of a job: chosen before the first frame, said, and held against what was measured."""

from dataclasses import dataclass

import torch

from seedvr2_cli.base.choices import Tiling
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.ops.probe import memory_of
from seedvr2_cli.pipeline.model import Model
from seedvr2_cli.pipeline.options import MemoryOptions, TileOptions
from seedvr2_cli.plan.geometry import padded_size
from seedvr2_cli.vae.engine.plan import Plan, Wanted
from seedvr2_cli.vae.engine.way import Way

SHARE = 0.9  # of the free memory that a run takes unasked


@dataclass(frozen=True, kw_only=True)
class Work:
    """What goes through a VAE. size: (width, height) of the pictures; stages: the halves they go through.
    alone: one picture; in_turn: all of a shot leaves the encoder before the decoder begins. way: not to be
    chosen any more. beside: bytes that the pictures take beside the VAE."""

    size: tuple[int, int]
    stages: tuple[str, ...]
    alone: bool
    in_turn: bool = False
    way: Way | None = None
    beside: int = 0


def make_plan(
    model: Model, work: Work, tiles: TileOptions, memory: MemoryOptions, reporter: Reporter
) -> Plan | None:
    """The plan for the work, said in a line; None where tiles overlap, or for a model that needs none.

    Raises DeviceError where the budget cannot be met.
    """
    if model.planner is None or tiles.tiling is Tiling.OVERLAP:
        return None
    factor = model.vae.config.spatial_factor
    padded = (padded_size(work.size[0], factor), padded_size(work.size[1], factor))
    budget = budget_of(memory, model.device)
    whose = "the budget" if memory.budget is not None else "nine tenths of what is free"
    plan = model.planner(
        Wanted(
            size=padded,
            alone=work.alone,
            encodes="encode" in work.stages,
            decodes="decode" in work.stages,
            in_turn=work.in_turn,
            budget=budget,
            strip_rows=tiles.strip_rows,
            folder=memory.cache_folder,
            way=work.way,
            beside=work.beside,
        )
    )
    of = f" of {say_bytes(budget)} ({whose})" if budget is not None else ""
    takes = f"about {say_bytes(plan.bytes)}{of} above the model"
    strips = f", strips of {tiles.strip_rows} rows (no overlap is needed)" if tiles.strip_rows else ""
    text = f"{padded[0]}x{padded[1]}, exact, {plan.reason}{strips}: {takes}"
    reporter.emit(Line("Plan", text))
    return plan


def budget_of(memory: MemoryOptions, device: Device) -> int | None:
    """Bytes that a run may take above what is loaded; None where the system does not tell what is free."""
    if memory.budget is not None:
        return memory.budget
    free = memory_of(torch.device(device.torch_name))[1]
    return int(free * SHARE) if free else None


def say_peak(estimate: int | None, peak: int | None, reporter: Reporter) -> None:
    """What was taken in the end, beside the estimate, where there was one."""
    if estimate is not None and peak is not None:
        text = f"peak {say_bytes(peak)} above the model, {say_bytes(estimate)} estimated"
        reporter.emit(Line("Plan", text))
