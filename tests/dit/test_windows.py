"""Windows are the published ones, and every token is in just one of them."""

import json
from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.dit.layout import layout
from seedvr2_cli.dit.windows import Spans, window_spans


def test_windows_are_those_of_the_fixture(dit_data: Path) -> None:
    for case in json.loads((dit_data / "windows.json").read_text()):
        for kind, shifted in (("regular", False), ("shifted", True)):
            spans, expected = window_spans(tuple(case["tokens"]), shifted=shifted), case[kind]
            bounds = (tuple(map(tuple, expected[axis])) for axis in "thw")
            assert (spans, spans.count) == (Spans(*bounds), expected["count"]), case["tokens"]


@given(
    t=st.integers(1, 40), h=st.integers(1, 60), w=st.integers(1, 60), shifted=st.booleans(), data=st.data()
)
def test_every_token_is_in_one_window_whatever_the_pieces(
    t: int, h: int, w: int, shifted: bool, data: st.DataObject
) -> None:
    found = layout((t, h, w), shifted=shifted, device=torch.device("cpu"))
    limit = data.draw(st.integers(1, 2 * t * h * w))
    pieces = [piece for group in found.groups for piece in group.pieces(limit)]
    assert sum(len(piece) for piece in pieces) == found.count
    assert torch.equal(torch.cat([p.reshape(-1) for p in pieces]).sort().values, torch.arange(t * h * w))
    assert all(piece.numel() <= max(limit, piece.shape[1]) for piece in pieces)
