"""The memory plan of a job: chosen before the first frame, said, and held against what was measured."""

import torch

from seedvr2_cli.base.choices import Tiling
from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.ops.probe import memory_of
from seedvr2_cli.pipeline.model import Model
from seedvr2_cli.pipeline.options import DecodeOptions, EncodeOptions
from seedvr2_cli.pipeline.sources import Source
from seedvr2_cli.plan.geometry import padded_size
from seedvr2_cli.vae.engine.plan import Plan, Wanted

SHARE = 0.9  # of the free memory that a run takes unasked


def make_plan(
    model: Model,
    source: Source,
    stages: tuple[str, ...],
    options: DecodeOptions | EncodeOptions,
    reporter: Reporter,
) -> Plan | None:
    """The plan for a source's pictures, said in a line; None where tiles overlap, or for a model that needs
    none. stages: the halves they go through. Raises DeviceError where the budget cannot be met."""
    tiles, memory = options.tiles, options.memory
    if model.planner is None or tiles.tiling is Tiling.OVERLAP:
        return None
    factor = model.vae.config.spatial_factor
    padded = (padded_size(source.template.width, factor), padded_size(source.template.height, factor))
    free = memory_of(torch.device(model.device.torch_name))[1]
    budget = memory.budget if memory.budget is not None else int(free * SHARE) if free else None
    whose = "the budget" if memory.budget is not None else "nine tenths of what is free"
    plan = model.planner(
        Wanted(
            size=padded,
            alone=source.still,
            encodes="encode" in stages,
            decodes="decode" in stages,
            budget=budget,
            strip_rows=tiles.strip_rows,
            folder=memory.cache_folder,
        )
    )
    of = f" of {say_bytes(budget)} ({whose})" if budget is not None else ""
    takes = f"about {say_bytes(plan.bytes)}{of} above the model"
    strips = f", strips of {tiles.strip_rows} rows (no overlap is needed)" if tiles.strip_rows else ""
    text = f"{padded[0]}x{padded[1]}, exact, {plan.reason}{strips}: {takes}"
    reporter.emit(Line("Plan", text))
    return plan


def say_peak(plan: Plan | None, peak: int | None, reporter: Reporter) -> None:
    """What was taken in the end, beside the estimate."""
    if plan and peak is not None:
        text = f"peak {say_bytes(peak)} above the model, {say_bytes(plan.bytes)} estimated"
        reporter.emit(Line("Plan", text))
