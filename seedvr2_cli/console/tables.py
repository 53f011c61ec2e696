"""Facts as tables on stdout."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seedvr2_cli.base.units import say_bytes, say_number, say_psnr, say_seconds

PLAIN_WIDTH = 120  # columns where there is no terminal


def show_inspection(facts: Mapping[str, Any], path: str, size: int, stream: TextIO, *, every: bool) -> None:
    """What a file holds; every: one row per tensor too."""
    console = _console(stream)
    table = _pairs()
    table.add_row("file", Text(f"{path} ({say_bytes(size)})"))
    table.add_row("format", Text(facts["format"] + (", whatever the name says" if facts["misnamed"] else "")))
    table.add_row("holds", Text(facts["description"]))
    table.add_row(
        "tensors",
        f"{facts['tensor_count']}, {facts['parameters'] / 1e6:.4g} M parameters, "
        f"{say_bytes(facts['tensor_bytes'])}, {', '.join(facts['quant_types'])}",
    )
    if "problem" in facts:
        table.add_row("problem", Text(facts["problem"], "yellow"))
    for key, value in (facts.get("config") or {}).items():
        table.add_row(f"config {key}", str(value))
    for key, value in (facts.get("latents") or {}).items():
        table.add_row(f"latents {key}", Text(str(value)))
    for key, value in facts["metadata"].items():
        if not key.startswith("seedvr2."):
            table.add_row(Text(f"metadata {key}"), Text(value))
    console.print(table)
    if every:
        console.print(_tensors(facts["tensors"]))


def show_media(facts: Mapping[str, Any], path: str, size: int, stream: TextIO) -> None:
    """A video or picture: its own facts, the streams beside it, chapters, metadata."""
    table = _pairs()
    table.add_row("file", Text(f"{path} ({say_bytes(size)})"))
    table.add_row("holds", Text(f"{facts['kind']} in {facts['container']}"))
    if facts["missing_bytes"]:
        table.add_row("problem", Text(f"cut off: {facts['missing_bytes']:,} bytes are missing", "yellow"))
    for key, value in facts["video"].items():
        table.add_row(key.replace("_", " "), Text(_say_value(value)))
    for other in facts["streams"]:
        named = other["tags"].get("title") or other["tags"].get("filename")
        words = [other["codec"], other["language"], *other["dispositions"], named]
        table.add_row(f"stream {other['index']}", Text(", ".join([other["kind"], *filter(None, words)])))
    for chapter in facts["chapters"]:
        span = f"{chapter['start_s']:.3f} to {chapter['end_s']:.3f} s"
        table.add_row("chapter", Text(f"{span}: {chapter['title'] or ''}"))
    for key, value in facts["metadata"].items():
        table.add_row(Text(f"metadata {key}"), Text(value))
    for key, value in facts.get("decoded", {}).items():
        table.add_row(f"decoded {key}", Text(_say_value(value)))
    for complaint in facts.get("complaints", ()):
        table.add_row("problem", Text(complaint, "yellow"))
    _console(stream).print(table)


def show_checks(checks: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """doctor's findings, one row each."""
    table = _pairs()
    for check in checks:
        style = "green" if check["ok"] else "red"
        mark = "ok" if check["ok"] else "FAILS"
        table.add_row(check["name"], Text.assemble((mark, style), " ", check["text"]))
    _console(stream).print(table)


def show_comparison(facts: Mapping[str, Any], stream: TextIO) -> None:
    """How close two files are."""
    table = _pairs()
    table.add_row("frames", str(facts["frames"]))
    table.add_row("PSNR", say_psnr(facts["psnr_db"]))
    table.add_row("SSIM", _say_score(facts["ssim"], 5, "none: smaller than 11x11"))
    table.add_row("VMAF", _say_score(facts["vmaf"], 2, "none"))
    if facts["equal"]:
        table.add_row("max error", "0")
    else:
        error, worst = facts["max_error"], facts["worst_frame"]
        place = f"frame {error['frame']}, x {error['x']}, y {error['y']}, {error['channel']}"
        table.add_row("max error", f"{error['levels']} of {facts['peak']}: {place}")
        table.add_row("worst frame", f"{worst['frame']}: {say_psnr(worst['psnr_db'])}")
    _console(stream).print(table)


def show_verification(facts: Mapping[str, Any], stream: TextIO) -> None:
    """What FP8 makes of each half against 16 bits, and of each conv."""
    rows = [
        (
            name,
            say_psnr(half["psnr"]),
            _say_score(half["ssim"], 5, "none"),
            f"{half['largest']:.1f} of 255",
        )
        for name, half in facts["halves"].items()
    ]
    show_rows(("FP8 in", "PSNR", "SSIM", "max error"), rows, stream)
    layers = facts.get("layers")
    if layers:
        stream.write("\nEach conv alone, and its part of what the chosen ones of its half make:\n")
        shown = [
            (row["name"], say_psnr(row["psnr"]), f"{100 * row['error']:.1f} %", f"{100 * row['work']:.1f} %")
            for row in layers
        ]
        show_rows(("conv", "PSNR", "error", "work"), shown, stream)


def show_models(facts: Mapping[str, Any], stream: TextIO, *, every: bool) -> None:
    """The known files and those found here; every: with the whole SHA-256 and where they are."""
    shown = [row for row in facts["known"] if every or not row["problem"]]
    rows = [_known_model(row, every=every) for row in shown]
    show_rows(("name", "model", "type", "size", "sha256", "fits", "here"), rows, stream)
    stream.write("\n")
    for model, text in facts["models"].items():
        stream.write(f"{model}: {text}\n")
    if len(shown) < len(facts["known"]):
        stream.write(f"{len(facts['known']) - len(shown)} more that cannot be used: -v\n")
    if facts["local"]:
        stream.write("\n")
        found = [(row["path"], say_bytes(row["bytes"]), row["text"]) for row in facts["local"]]
        show_rows(("found here", "size", "what it holds"), found, stream)


def _known_model(row: Mapping[str, Any], *, every: bool) -> tuple[str, ...]:
    """One row of the list; the file that `upscale` takes unasked is marked."""
    fits = {True: "yes", False: "no", None: ""}[row["fits"]]
    digest = row["sha256"] or "not pinned"
    return (
        row["name"],
        row["model"],
        f"{row['form']}: {row['problem']}" if row["problem"] else row["form"],
        say_bytes(row["bytes"]) if row["bytes"] else "",
        digest if every or not row["sha256"] else digest[:12],
        "best" if row["best"] else fits,
        "yes" if row["here"] else "",
    )


def show_shots(shots: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Where the shots of a film begin."""
    rows = [
        (
            str(number),
            str(shot["first"]),
            f"{float(Fraction(shot['time'])):.3f} s",
            str(shot["frames"]),
            "" if shot["score"] is None else f"{shot['score']:.2f}",
        )
        for number, shot in enumerate(shots, start=1)
    ]
    show_rows(("shot", "first frame", "time", "frames", "score"), rows, stream)


def show_status(facts: Mapping[str, Any], stream: TextIO) -> None:
    """How far a run is."""
    table = _pairs()
    table.add_row("work folder", Text(f"{facts['folder']} ({say_bytes(facts['bytes'])})"))
    table.add_row("state", "running" if facts["running"] else "stopped: the same command goes on")
    for name in ("frames", "shots", "windows"):
        done, total = facts[name]
        if total is None and not done and name != "frames":
            continue  # a clip has none
        share = f", {done / total:.0%}" if total else ""
        table.add_row(name, f"{done} of {total if total is not None else 'unknown'}{share}")
    table.add_row("newest unit", facts["newest"])
    if "damaged" in facts:
        table.add_row("damaged", Text(", ".join(facts["damaged"]) or "none"))
    _console(stream).print(table)


def show_queue(files: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """What became of each input."""
    rows = [
        (
            file["input"],
            "failed" if file["error"] else ", ".join(file["outputs"]) or "planned",
            str(file["frames"]),
            say_seconds(file["seconds"]),
        )
        for file in files
    ]
    show_rows(("input", "output", "frames", "time"), rows, stream)


def show_simulation(facts: Mapping[str, Any], stream: TextIO) -> None:
    """How a farm came through a library."""
    table = _pairs()
    table.add_row(
        "library", f"{facts['films']:,} films, {facts['shots']:,} shots, {facts['frames']:,} frames"
    )
    table.add_row("done after", f"{say_seconds(facts['seconds'])} with {facts['workers']:,} workers")
    table.add_row("throughput", f"{say_number(facts['frames_per_second'])} frames per second")
    table.add_row("used", f"{facts['efficiency']:.1%} of all workers' time")
    kinds = ", ".join(f"{count:,} {how}" for how, count in facts["failures"].items())
    table.add_row("lost", f"{facts['lost_share']:.2%} of the work: {kinds}")
    table.add_row(
        "failed three times", f"{facts['failed_three_times']:,} shots, whose runs would have stopped"
    )
    _console(stream).print(table)


def show_groups(groups: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """What a conversion did to each part of a network."""
    rows = [
        (
            group["part"],
            str(group["tensors"]),
            group["to"] if group["from"] == group["to"] else f"{group['from']} to {group['to']}",
            f"{say_bytes(group['bytes_before'])} to {say_bytes(group['bytes_after'])}",
            "equal" if group["snr_db"] is None else f"{group['snr_db']:.1f} dB",
            f"{group['max_error']:.2g}" if group["max_error"] else "",
        )
        for group in groups
    ]
    show_rows(("part", "tensors", "type", "size", "signal to error", "largest error"), rows, stream)


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """A plain table with a heading."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _console(stream).print(table)


def _say_score(value: float | None, digits: int, missing: str) -> str:
    return missing if value is None else f"{value:.{digits}f}"


def _say_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_say_value(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return " ".join(map(_say_value, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "not said", True: "yes", False: "no"}[value]
    return str(value)


def _tensors(tensors: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("tensor", "shape", "type", "size"):
        table.add_column(column, overflow="fold")
    for tensor in tensors:
        shape = " x ".join(str(side) for side in tensor["shape"])
        table.add_row(Text(tensor["name"]), shape, tensor["type"], say_bytes(tensor["bytes"]))
    return table


def _pairs() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _console(stream: TextIO) -> Console:
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console
