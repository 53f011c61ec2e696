"""The memory plan of a job: chosen before the first frame, said, and held against what was measured."""

from dataclasses import replace

import torch

from seedvr2_cli.base.choices import Tiling
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.ops.probe import memory_of
from seedvr2_cli.pipeline.model import Model
from seedvr2_cli.pipeline.options import MemoryOptions, TileOptions
from seedvr2_cli.plan.geometry import padded_size
from seedvr2_cli.vae.engine.plan import Plan, Wanted

SHARE = 0.9  # of the free memory that a run takes unasked


def make_plan(
    model: Model, wanted: Wanted, tiles: TileOptions, memory: MemoryOptions, reporter: Reporter
) -> Plan | None:
    """The plan for what is wanted, said in a line; None where tiles overlap, or for a model that needs none.

    wanted: the size is that of the pictures; what the options say is filled in. Raises DeviceError where the
    budget cannot be met, and UsageError where an option does not fit the device or the tiles.
    """
    if memory.codes_memory and tiles.tiling is Tiling.OVERLAP:
        raise UsageError("tiles with overlap hold all of it", where="--int8-cache", do="leave --tiling out")
    host_budget = _host_budget(memory, model.device)
    if model.planner is None or tiles.tiling is Tiling.OVERLAP:
        return None
    factor = model.vae.config.spatial_factor
    padded = (padded_size(wanted.size[0], factor), padded_size(wanted.size[1], factor))
    budget = budget_of(memory, model.device)
    whose = "the budget" if memory.budget is not None else "nine tenths of what is free"
    plan = model.planner(
        replace(
            wanted,
            size=padded,
            budget=budget,
            strip_rows=tiles.strip_rows,
            folder=memory.cache_folder,
            host_budget=host_budget,
            codes_memory=memory.codes_memory,
        )
    )
    of = f" of {say_bytes(budget)} ({whose})" if budget is not None else ""
    takes = f"about {say_bytes(plan.bytes)}{of} above the model"
    if plan.host_bytes:
        takes += f", and {say_bytes(plan.host_bytes)} of {say_bytes(host_budget or 0)} of host memory"
    if plan.way.codes_memory:
        takes += ", causal memory in 8 bits"
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


def _host_budget(memory: MemoryOptions, device: Device) -> int | None:
    """Bytes of host memory beside a device that has memory of its own. Raises UsageError elsewhere."""
    if device.kind == "cuda":
        free = memory_of(torch.device("cpu"))[1]
        return memory.host_budget if memory.host_budget is not None else int((free or 0) * SHARE)
    if memory.host_budget is not None:
        what = f"{device.name} has one memory for all"
        raise UsageError(what, where="--host-budget", do="give --memory-budget in its place")
    return None


def say_peak(estimate: int | None, peak: int | None, reporter: Reporter) -> None:
    """What was taken in the end, beside the estimate, where there was one."""
    if estimate is not None and peak is not None:
        text = f"peak {say_bytes(peak)} above the model, {say_bytes(estimate)} estimated"
        reporter.emit(Line("Plan", text))
