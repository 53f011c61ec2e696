"""The course of a simulated library as a picture: frames done, and how many a second. By matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedvr2_cli.base.files import output_error, whole_file
from seedvr2_cli.bench.plot import OPTION

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_simulation_plot(facts: Mapping[str, Any], path: Path, *, overwrite: bool) -> None:
    """Write a PNG, SVG or PDF, whole or not at all. facts: of the report. Raises OutputError."""
    figure = figure_of_simulation(facts)
    with whole_file(path, overwrite=overwrite, option=OPTION) as temporary:
        try:
            figure.savefig(temporary, dpi=150)
        except OSError as error:
            raise output_error(path, error, OPTION) from error


def figure_of_simulation(facts: Mapping[str, Any]) -> Figure:
    """Millions of frames done over the hours, above frames per second between two steps."""
    from matplotlib.figure import Figure

    steps = [(0, 0), *facts["steps"], (facts["seconds"], facts["frames"])]
    hours = [seconds / 3600 for seconds, _ in steps]
    rates = [(later - done) / max(1e-9, end - begin) for (begin, done), (end, later) in pairwise(steps)]
    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    above.plot(hours, [done / 1e6 for _, done in steps], color="#0072b2")
    above.set_ylabel("million frames done")
    below.step(hours[1:], rates, where="pre", color="#e69f00")
    below.set_ylabel("frames per second")
    below.set_ylim(bottom=0)
    below.set_xlabel("hours")
    for axis in (above, below):
        axis.spines[["top", "right"]].set_visible(False)
    came = f"{facts['efficiency']:.1%} of their time used, {facts['lost_share']:.2%} of the work lost"
    heading = f"{facts['films']:,} films, {facts['workers']:,} workers: {came}"
    figure.suptitle(heading, fontsize="medium")
    return figure
