"""The bench's records as a picture."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedvr2_cli.base.errors import OutputError, SeedVR2Error
from seedvr2_cli.bench.plot import check_plot, figure_of, growth_figure, write_plot
from seedvr2_cli.cli.app import main

ABOUT = {"version": "0.1.0", "device": "cpu", "machine": "A CPU", "threads": 2, "torch": "2.13.0"}


def record(name: str, dtype: str, fastest: float, median: float, slowest: float) -> dict[str, object]:
    times = {"fastest": fastest, "us_per_pixel_frame": median, "slowest": slowest, "rounds": 3}
    return ABOUT | {"name": name, "dtype": dtype} | times


RECORDS = [
    ABOUT | {"name": "load", "dtype": "float32", "seconds": 0.5},
    record("encode", "float32", 30, 40, 60),
    record("encode", "bfloat16", 4, 5, 6),
    record("decode", "float32", 70, 80, 90),
    record("encode one frame, plain network", "bfloat16", 14, 15, 16),
]


@pytest.mark.plot
def test_each_stage_is_a_panel_with_a_row_for_each_case_and_a_bar_for_each_type():
    figure = figure_of(RECORDS, "256x256, 9 frames")
    encode, decode = figure.axes
    assert [axis.get_title(loc="left") for axis in (encode, decode)] == ["encode", "decode"]
    rows = [label.get_text() for label in encode.get_yticklabels()]
    assert rows == ["engine", "one frame, plain network"]
    assert sorted(bar.get_width() for bar in encode.patches) == [5, 15, 40]
    assert [bar.get_width() for bar in decode.patches] == [80]
    spread = [segment[:, 0].tolist() for lines in encode.collections for segment in lines.get_segments()]
    assert sorted(spread) == [[4, 6], [14, 16], [30, 60]]
    assert decode.get_xlim() == encode.get_xlim() == (0, pytest.approx(99))
    assert "256x256, 9 frames\ncpu: A CPU, 2 threads, torch 2.13.0" in figure.get_suptitle()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["float32", "bfloat16"]


@pytest.mark.plot
def test_growth_is_drawn_over_size_and_over_length(tmp_path):
    clips = [((64, 32), 5), ((128, 64), 5), ((64, 32), 9)]
    grown = [
        ABOUT
        | {"name": f"decode {width}x{height}, {frames} frames", "dtype": "bfloat16", "growth": True}
        | {"size": [width, height], "frames": frames, "seconds": frames / 10, "peak_bytes": frames << 20}
        for (width, height), frames in clips
    ]
    figure = growth_figure(grown)
    (seconds_by_size, seconds_by_length), (peak_by_size, peak_by_length) = np.reshape(figure.axes, (2, 2))
    assert seconds_by_size.lines[0].get_xydata().tolist() == [[0.002048, 0.5], [0.008192, 0.5]]
    assert seconds_by_length.lines[0].get_xydata().tolist() == [[5, 0.5], [9, 0.9]]
    assert peak_by_size.lines[0].get_ydata().tolist() == [5, 5]
    assert peak_by_length.lines[0].get_ydata().tolist() == [5, 9]
    write_plot(grown, "64x32", tmp_path / "growth.png", overwrite=False)
    assert (tmp_path / "growth.png").stat().st_size > 10_000


@pytest.mark.plot
@pytest.mark.parametrize("count", [2, 5])
def test_a_plot_is_a_whole_picture_or_none(tmp_path, count):
    path = tmp_path / "times.png"
    write_plot(RECORDS[:count], "256x256, 9 frames", path, overwrite=False)
    with Image.open(path) as picture:
        assert picture.width == 1350
    with pytest.raises(OutputError, match="exists already"):
        write_plot(RECORDS, "256x256, 9 frames", path, overwrite=False)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.plot
@pytest.mark.root
def test_a_full_disk_leaves_no_plot(small_disk):
    (small_disk / "filler").write_bytes(bytes(295_000))
    path = small_disk / "times.png"
    with pytest.raises(OutputError) as caught:
        write_plot(RECORDS, "256x256, 9 frames", path, overwrite=False)
    assert str(caught.value) == f"{path}: no space left on the disk; free some, or give another --plot"
    assert [left.name for left in small_disk.iterdir()] == ["filler"]


def errors(folder: Path) -> dict[str, tuple[Path, int, str]]:
    """What is asked for, the exit code and the line."""
    there = folder / "there.png"
    return {
        "no picture": (Path("x.txt"), 2, "x.txt: is not named as a picture; give --plot NAME.png"),
        "exists": (there, 5, f"{there}: exists already; give --overwrite or another --plot"),
        "no folder": (
            folder / "none/x.svg",
            5,
            f"{folder / 'none'}: no such folder; make it first, or give another --plot",
        ),
    }


@pytest.mark.plot
@pytest.mark.parametrize("case", errors(Path()))
def test_a_plot_that_could_not_be_written_is_refused_before_anything_is_measured(tmp_path, capsys, case):
    (tmp_path / "there.png").write_bytes(b"precious")
    path, code, line = errors(tmp_path)[case]
    assert main(["bench", "vae", "--plot", str(path)]) == code
    assert capsys.readouterr().err == f"seedvr2: {line}\n"
    assert (tmp_path / "there.png").read_bytes() == b"precious"


def test_without_matplotlib_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SeedVR2Error) as caught:
        check_plot(tmp_path / "times.png", overwrite=False)
    assert str(caught.value) == "--plot: matplotlib is not installed; pip install 'seedvr2[plot]'"
