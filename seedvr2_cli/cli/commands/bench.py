"""`seedvr2 bench vae`, `seedvr2 bench fp8`."""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from seedvr2_cli.base.events import Line
from seedvr2_cli.base.units import parse_size
from seedvr2_cli.cli.options import Overwrite, Quiet, Verbose
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_rows

app = typer.Typer(help="Measure: interleaved runs, medians, one JSON record per line.", no_args_is_help=True)

COLUMNS = (
    "measurement",
    "type",
    "us per pixel and frame",
    "fastest to slowest",
    "GFLOP/s",
    "of matmul",
    "gain",
    "peak MiB",
    "s",
)

Weights = Annotated[
    Path | None,
    typer.Option("--vae", metavar="FILE", help="Weights.  Not given: random ones of the published size."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Keep the random weights (478 MiB) here for another run."),
]
ClipFrames = Annotated[int, typer.Option("--frames", help="Of the clip, 4n + 1.")]
Rounds = Annotated[int, typer.Option("--rounds", help="Counted runs of each variant.")]
JsonRecords = Annotated[bool, typer.Option("--json", help="One JSON object per record on stdout.")]


@app.command(name="vae")
def run(
    vae: Weights = None,
    folder: Folder = None,
    device: Annotated[str, typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:N, mps.")] = "cpu",
    dtypes: Annotated[
        str, typer.Option("--dtype", metavar="NAMES", help="Types to compare, with commas.")
    ] = "float32,bfloat16",
    cases: Annotated[
        str | None,
        typer.Option(
            "--case",
            metavar="NAMES",
            help="load, conv, stage, slice, clip, growth, with commas.  Not given: all but growth, which "
            "takes five sizes and five lengths.",
        ),
    ] = None,
    size: Annotated[str, typer.Option("--size", metavar="PIXELS", help="Of the picture.")] = "256",
    frames: ClipFrames = 9,
    rounds: Rounds = 3,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw the times, or the growth: PNG, SVG or PDF; needs seedvr2\\[plot].",
        ),
    ] = None,
    overwrite: Overwrite = False,
    json_report: JsonRecords = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Cost of encoding and decoding per pixel and frame, of their parts by each back end, and of loading."""
    with (
        tempfile.TemporaryDirectory(prefix="seedvr2-bench-") as scratch,
        ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter,
    ):
        from seedvr2_cli.bench.plot import check_plot, write_plot
        from seedvr2_cli.bench.vae import UNASKED, BenchOptions, bench_vae

        if plot is not None:
            check_plot(plot, overwrite=overwrite)
        options = BenchOptions(
            folder=folder or Path(scratch),
            vae=vae,
            device=device,
            dtypes=tuple(dtypes.split(",")),
            cases=UNASKED if cases is None else tuple(cases.split(",")),
            size=parse_size(size, "--size"),
            frames=frames,
            rounds=rounds,
        )
        records = _taken(bench_vae(options, reporter), json_report)
        if plot is not None:
            width, height = options.size
            write_plot(records, f"{width}x{height}, {frames} frames", plot, overwrite=overwrite)
            reporter.emit(Line("Plot", str(plot), ok=True))
    if not json_report:
        show_rows(COLUMNS, [_row(record) for record in records], sys.stdout)


@app.command(name="fp8")
def run_fp8(
    vae: Weights = None,
    folder: Folder = None,
    device: Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cuda, cuda:N.")] = "auto",
    size: Annotated[
        str, typer.Option("--size", metavar="PIXELS,...", help="Of the pictures.")
    ] = "1280x720,1920x1088",
    frames: ClipFrames = 9,
    rounds: Rounds = 5,
    json_report: JsonRecords = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """FP8 against 16 bits, conv by conv and as a whole, as a table to paste; needs FP8 units."""
    with (
        tempfile.TemporaryDirectory(prefix="seedvr2-bench-") as scratch,
        ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter,
    ):
        from seedvr2_cli.bench.fp8 import Fp8BenchOptions, as_markdown, bench_fp8

        options = Fp8BenchOptions(
            folder=folder or Path(scratch),
            vae=vae,
            device=device,
            sizes=tuple(parse_size(word, "--size") for word in size.split(",")),
            frames=frames,
            rounds=rounds,
        )
        records = _taken(bench_fp8(options, reporter), json_report)
    if not json_report:
        sys.stdout.write(as_markdown(records))


def _taken(records: Iterable[dict[str, Any]], json_report: bool) -> list[dict[str, Any]]:
    """All records, each written as it comes where JSON is asked for."""
    taken = []
    for record in records:
        taken.append(record)
        if json_report:
            sys.stdout.write(json.dumps(record) + "\n")
            sys.stdout.flush()
    return taken


def _row(record: dict[str, object]) -> tuple[str, ...]:
    against = {"times_float32": "float32", "times_plain": "plain"}
    gains = [f"{record[key]} x {name}" for key, name in against.items() if key in record]
    share = record.get("share_of_matmul")
    peak, seconds = record.get("peak_bytes"), record.get("seconds")
    return (
        str(record["name"]),
        str(record["dtype"]),
        str(record.get("us_per_pixel_frame", "")),
        f"{record['fastest']} to {record['slowest']}" if "fastest" in record else "",
        str(record.get("gflops", "")),
        f"{share:.0%}" if isinstance(share, float) else "",
        ", ".join(gains),
        f"{peak / 2**20:.0f}" if isinstance(peak, int) else "",
        f"{seconds:.2f}" if isinstance(seconds, float) else "",
    )
