"""A list of cuts is read strictly, and what is written is read again as the same shots."""

import os
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.shots import shots_of
from seedvr2_cli.shots.cuts_file import MAX_BYTES, cuts_text, read_cuts
from seedvr2_cli.shots.find import FoundShot


def test_a_list_is_one_first_frame_a_line(tmp_path):
    path = tmp_path / "cuts.txt"
    path.write_bytes(b"\xef\xbb\xbf# made by hand\r\n0\r\n\r\n  23  # the door\r\n070\r\n113#")
    assert read_cuts(path) == (0, 23, 70, 113)
    assert read_cuts(path, frames=114) == (0, 23, 70, 113)
    path.write_bytes(b"")
    assert read_cuts(path) == ()


DO = "list first frames of shots in their order, one a line"
WRONG = {
    "word": ("23\nabc\n", "line 2: 'abc' is no frame number"),
    "two": ("23 70", "line 1: '23 70' is no frame number"),
    "time": ("1.5", "line 1: '1.5' is no frame number"),
    "negative": ("# a\n\n-3", "line 3: '-3' is no frame number"),
    "other digits": ("٣", "line 1: '٣' is no frame number"),
    "long": ("9" * 5000, f"line 1: {'9' * 40!r} is no frame number"),
    "twice": ("23\n23", "line 2: frame 23 is not behind frame 23 before it"),
    "order": ("23\n70\n 24", "line 3: frame 24 is not behind frame 70 before it"),
    "beyond": ("23\n240", "line 2: frame 240 is beyond the film: it has 240, counted from 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_line_that_is_wrong_is_named(case, tmp_path):
    text, what = WRONG[case]
    path = tmp_path / "cuts.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_cuts(path, frames=240)
    assert str(refused.value) == f"{path}: {what}; {DO}"


def test_what_is_no_list_is_refused_without_reading_it_all(tmp_path):
    missing, folder, binary, long = (tmp_path / name for name in ("none", "folder", "binary", "long"))
    folder.mkdir()
    binary.write_bytes(b"23\n\xff\xfe")
    long.touch()
    os.truncate(long, MAX_BYTES + 1)
    do = "; give a file with the first frame of a shot a line"
    lines = {
        missing: f"{missing}: no such file or directory{do}",
        folder: f"{folder}: is a directory{do}",
        binary: f"{binary}: is no text: no list of cuts",
        long: f"{long}: is longer than 4,194,304 bytes: no list of cuts",
    }
    for path, line in lines.items():
        with pytest.raises(UsageError) as refused:
            read_cuts(path)
        assert str(refused.value) == line


@given(st.sets(st.integers(1, 5000)), st.text(max_size=20))
def test_what_is_written_is_read_again(tmp_path_factory, cuts, name):
    shots = [
        FoundShot(shot, Fraction(shot.first, 24), 0.5 if shot.first else None)
        for shot in shots_of(sorted(cuts), 5001)
    ]
    path = tmp_path_factory.mktemp("cuts") / "cuts.txt"
    path.write_text(cuts_text(shots, name), encoding="utf-8")
    assert read_cuts(path, frames=5001) == (0, *sorted(cuts))
