"""`seedvr2 plan --simulate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Line
from seedvr2_cli.cli import options as o
from seedvr2_cli.cli.finish import print_json
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_simulation
from seedvr2_cli.pipeline.simulation import SimulationOptions

NAME = "plan"


def run(
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Lead workers that are only numbers through a library.")
    ] = False,
    films: Annotated[int, typer.Option("--films", help="In the library.")] = SimulationOptions.films,
    minutes: Annotated[
        float, typer.Option("--minutes", help="Of a film, in the mean.")
    ] = SimulationOptions.minutes,
    workers: Annotated[int, typer.Option("--workers", help="On the farm.")] = SimulationOptions.workers,
    fps: Annotated[
        float, typer.Option("--fps", help="Frames per second that a worker makes.")
    ] = SimulationOptions.fps,
    failures: Annotated[
        float, typer.Option("--failures", help="Of a worker in an hour: deaths, hangs, wrong results.")
    ] = SimulationOptions.failures,
    seed: Annotated[int, typer.Option("--seed", help="Of all that is drawn.")] = SimulationOptions.seed,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Draw the course: PNG, SVG or PDF; needs seedvr2\\[plot]."
        ),
    ] = None,
    overwrite: o.Overwrite = False,
    json_report: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Show how the scheduler of --workers copes with a large library; for one film: upscale --plan."""
    if not simulate:
        raise UsageError("is missing", where="--simulate", do="give it; for a film: upscale FILE --plan")
    options = SimulationOptions(
        films=films, minutes=minutes, workers=workers, fps=fps, failures=failures, seed=seed
    )
    from seedvr2_cli.bench.plot import check_plot
    from seedvr2_cli.bench.plot_simulation import write_simulation_plot
    from seedvr2_cli.pipeline.simulation import simulation

    with ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        if plot is not None:
            check_plot(plot, overwrite=overwrite)
        report = simulation(options)
        if plot is not None:
            write_simulation_plot(report.facts, plot, overwrite=overwrite)
            reporter.emit(Line("Plot", str(plot), ok=True))
    if json_report:
        print_json(report)
    elif not quiet:
        show_simulation(report.facts, sys.stdout)
