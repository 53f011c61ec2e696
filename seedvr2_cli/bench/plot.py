"""The bench's records as a picture, by matplotlib: microseconds per pixel and frame, or time and memory over
size and length."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.files import output_error, refuse_existing, try_folder, whole_file
from seedvr2_cli.base.units import say_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OPTION = "--plot"
SUFFIXES = (".png", ".svg", ".pdf")

Record = Mapping[str, Any]

_VALUE = "us_per_pixel_frame"
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")  # Okabe and Ito: told apart with any eyes
_ROW, _HEAD, _WIDE = 0.42, 1.3, 9.0  # inches: of a bar, above and below a panel, of the picture


def check_plot(path: Path, *, overwrite: bool) -> None:
    """Raise UsageError and OutputError where no plot could be written; before anything is measured."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError("is not named as a picture", where=path, do=f"give {OPTION} NAME.png")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("matplotlib is not installed", where=OPTION, do="pip install 'seedvr2[plot]'")
    refuse_existing(path, overwrite=overwrite, option=OPTION)
    try_folder(path, OPTION)


def write_plot(records: Sequence[Record], subject: str, path: Path, *, overwrite: bool) -> None:
    """Write a PNG, SVG or PDF, whole or not at all. subject: what was measured. Raises OutputError.

    Where there are records of growth, the picture is theirs.
    """
    grown = [record for record in records if record.get("growth")]
    figure = growth_figure(grown) if grown else figure_of(records, subject)
    with whole_file(path, overwrite=overwrite, option=OPTION) as temporary:
        try:
            figure.savefig(temporary, dpi=150)
        except OSError as error:
            raise output_error(path, error, OPTION) from error


def figure_of(records: Sequence[Record], subject: str) -> Figure:
    """A panel for each stage (encode, decode), a row for each case, a bar for each type: as long as the
    median, with a line from the fastest to the slowest round. Records without a time per pixel are left out.
    """
    from matplotlib.figure import Figure

    timed = [record for record in records if _VALUE in record]
    dtypes = list(dict.fromkeys(record["dtype"] for record in timed))
    stages = list(dict.fromkeys(_split(record)[0] for record in timed))
    panels = {stage: [record for record in timed if _split(record)[0] == stage] for stage in stages}
    rows = [len(panel) for panel in panels.values()]
    figure = Figure(figsize=(_WIDE, _ROW * sum(rows) + _HEAD * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), squeeze=False, sharex=True, height_ratios=rows)[:, 0]
    for axis, (stage, panel) in zip(axes, panels.items(), strict=True):
        _draw(axis, panel, dtypes)
        axis.set_title(stage, loc="left", fontweight="bold")
    axes[-1].set_xlim(0, 1.1 * max(record["slowest"] for record in timed))  # room for the numbers
    axes[-1].set_xlabel("microseconds per pixel and frame, less is better")
    about, rounds = timed[0], timed[0]["rounds"]
    heading = f"seedvr2 {about['version']}, {subject}\n{_machine(about)}"
    figure.suptitle(heading, fontsize="medium", parse_math=False)
    handles, labels = axes[0].get_legend_handles_labels()
    spread = f"bars: median of {rounds} rounds; lines: fastest to slowest" if rounds > 1 else "one round"
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), title=spread, frameon=False)
    return figure


def growth_figure(records: Sequence[Record]) -> Figure:
    """Seconds above, peak memory below; over the pixels of a frame at the left, over frames at the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDE, 0.75 * _WIDE), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col", sharey="row")
    shortest = min(record["frames"] for record in records)
    smallest = min(_megapixels(record) for record in records)
    lines = list(dict.fromkeys((str(r["name"]).split()[0], str(r["dtype"])) for r in records))
    for number, (job, dtype) in enumerate(lines):
        own = [r for r in records if str(r["name"]).startswith(f"{job} ") and r["dtype"] == dtype]
        by_size = [r for r in own if r["frames"] == shortest]
        by_length = [r for r in own if _megapixels(r) == smallest]
        style = {"marker": "o", "color": _COLORS[number % len(_COLORS)], "label": f"{job}, {dtype}"}
        for row, value in enumerate((_seconds, _peak)):
            axes[row, 0].plot([_megapixels(r) for r in by_size], [value(r) for r in by_size], **style)
            axes[row, 1].plot([r["frames"] for r in by_length], [value(r) for r in by_length], **style)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("peak memory above the loaded model, MiB")
    axes[1, 0].set_xlabel(f"megapixels of each of {shortest} frames")
    axes[1, 1].set_xlabel(f"frames of {smallest:.3g} megapixels")
    for axis in axes.flat:
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].legend(frameon=False)
    about = records[0]
    heading = f"seedvr2 {about['version']}: time and memory\n{_machine(about)}"
    figure.suptitle(heading, fontsize="medium", parse_math=False)
    return figure


def _megapixels(record: Record) -> float:
    width, height = record["size"]
    return float(width * height / 1e6)


def _seconds(record: Record) -> float:
    return float(record["seconds"])


def _peak(record: Record) -> float:
    return (record["peak_bytes"] or 0) / 2**20


def _split(record: Record) -> tuple[str, str]:
    """The stage and the case: `encode one frame, plain network` is encode, and what follows."""
    name = str(record["name"])
    stage = re.split("[ ,]", name, maxsplit=1)[0]
    return stage, name.removeprefix(stage).strip(" ,") or "engine"


def _machine(about: Record) -> str:
    threads = "1 thread" if about["threads"] == 1 else f"{about['threads']} threads"
    return f"{about['device']}: {about['machine']}, {threads}, torch {about['torch']}"


def _draw(axis: Axes, panel: Sequence[Record], dtypes: Sequence[str]) -> None:
    cases = list(dict.fromkeys(_split(record)[1] for record in panel))
    thick = 0.8 / len(dtypes)
    for number, dtype in enumerate(dtypes):
        own = [record for record in panel if record["dtype"] == dtype]
        places = [cases.index(_split(record)[1]) + thick * (number - (len(dtypes) - 1) / 2) for record in own]
        medians = [record[_VALUE] for record in own]
        below = [record[_VALUE] - record["fastest"] for record in own]
        above = [record["slowest"] - record[_VALUE] for record in own]
        axis.barh(places, medians, thick * 0.9, color=_COLORS[number % len(_COLORS)], label=dtype)
        axis.errorbar(medians, places, xerr=(below, above), fmt="none", ecolor="black", capsize=3)
        for record, place in zip(own, places, strict=True):
            shown = (say_number(record[_VALUE]), (record["slowest"], place))
            axis.annotate(*shown, xytext=(6, 0), textcoords="offset points", va="center", fontsize="small")
    axis.set_yticks(range(len(cases)), cases)
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
