"""The page: whole in itself, readable without sight and without a script, safe whatever a file is called."""

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.compare.curve import Curve
from seedvr2_cli.compare.html import MAX_POINTS, Page, Shown, Tile, render
from seedvr2_cli.compare.metrics import FrameScore

VOID = {"meta", "link", "img", "input", "br"}
EVIL = "</title></script><script>alert(1)</script>\"'<img src=x onerror=alert(1)>\n\u202e&amp;$style"


class Outline(HTMLParser):
    """What a page holds: elements in order, with attributes and text; fails where they do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs)), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open:
            self.text.setdefault(self._open[-1], []).append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def page_of(
    *psnr: float, name: str = "a.mp4", ssim: float | None = 0.9, warnings: tuple[str, ...] = ()
) -> Page:
    curve = Curve()
    for index, value in enumerate(psnr):
        curve.add(FrameScore(index, value, ssim))
    frames = sorted({0, len(psnr) // 2, len(psnr) - 1})
    return Page(
        names=(name, f"{name}2"),
        tiles=[Tile("PSNR", "30 dB", name)],
        warnings=warnings,
        size=(64, 48),
        mime="image/png",
        note=name,
        shown=[Shown(score=curve[i], seconds=i / 24, pictures=(b"one", b"two")) for i in frames],
        worst=curve.worst(3),
        curve=curve,
        files=[("File", name, name)],
        facts=[("Made by", name)],
    )


PAGES = {
    "film": page_of(31.0, 30.0, math.inf, 33.5, warnings=("odd", "odder")),
    "still": page_of(30.0),
    "equal": page_of(math.inf, math.inf),
    "tiny frames": page_of(31.0, 30.0, 29.0, ssim=None),
    "evil": page_of(31.0, 30.0, name=EVIL, warnings=(EVIL,)),
    "worst not shown": replace(page_of(31.0, 29.0, 33.0), shown=page_of(31.0).shown),
}


@pytest.fixture(params=PAGES, ids=str)
def text(request) -> str:
    return render(PAGES[request.param])


def test_nothing_is_fetched_and_only_our_script_and_style_run(text):
    page = Outline(text)
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert (rules["default-src"], rules["img-src"]) == ("'none'", "data:")
    for kind in ("script", "style"):
        own = page.text[kind][-1]
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert [script.get("type") for script in page.all("script")] == ["application/json", None]
    for tag, attributes in page.elements:
        for attribute, value in attributes.items():
            assert not attribute.startswith("on"), (tag, attribute)
            assert attribute != "style", tag
            if attribute in ("src", "href", "srcset", "action", "data"):
                assert value.startswith("data:")
    assert not re.search(r"url\(|@import|https?:", text)


def test_everything_has_a_name_and_every_reference_leads_somewhere(text):
    page = Outline(text)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for attribute in ("for", "aria-labelledby", "aria-describedby"):
            assert set((attributes.get(attribute) or "").split()) <= set(ids)
    labelled = {label.get("for") for label in page.all("label")}
    for control in page.all("input", "select"):
        assert control["id"] in labelled or control["id"] == "zoom"  # which stands inside its label
    assert all(image["alt"] for image in page.all("img"))
    assert all(part.get("aria-label") or part.get("id") == "flip" for part in page.all("button"))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1


def test_what_the_script_reads_is_json_of_numbers(text):
    data = json.loads(Outline(text).text["script"][0])
    assert set(data) == {"frames", "group", "first", "psnr", "ssim"}
    assert len(data["psnr"]) == data["frames"]


def test_a_film_has_pictures_curves_and_a_list_of_its_worst_frames():
    page = Outline(render(PAGES["film"]))
    assert [figure.get("data-frame") for figure in page.all("figure")][:3] == ["0", "2", "3"]
    assert [image["src"] for image in page.all("img")][:2] == [
        "data:image/png;base64,b25l",
        "data:image/png;base64,dHdv",
    ]
    assert page.text["figcaption"][:3] == [
        "Frame 0 at 0.000 s: 31.00 dB, SSIM 0.90000",
        "Frame 2 at 0.083 s: equal, SSIM 0.90000",
        "Frame 3 at 0.125 s: 33.50 dB, SSIM 0.90000",
    ]
    assert page.text["title"][1:] == ["PSNR in dB of 4 frames", "SSIM of 4 frames"]
    assert page.text["desc"][0] == "Lowest 30 in frame 1, highest equal in frame 2."
    assert page.text["li"] == ["odd", "odder"]
    assert [button.get("data-show") for button in page.all("button")][3:] == ["0", "3"]


@pytest.mark.parametrize(
    ("case", "charts"), [("still", 0), ("equal", 2), ("tiny frames", 1), ("worst not shown", 2)]
)
def test_there_are_as_many_charts_as_there_are_numbers_to_draw(case, charts):
    page = Outline(render(PAGES[case]))
    assert [svg["id"] for svg in page.all("svg") if "id" in svg] == ["psnr", "ssim"][:charts]


def test_a_name_stays_text():
    page = Outline(render(PAGES["evil"]))
    shown = " ".join(EVIL.split()).replace("\u202e", "?")
    assert page.text["bdi"] == [shown, f"{shown}2"]
    assert page.text["title"][0] == f"{shown} and {shown}2, compared"
    assert len(page.all("script")) == 2
    assert len(page.all("img")) == 4


@given(st.text(st.characters(codec=None), min_size=1, max_size=20))
def test_no_name_changes_what_the_page_is_made_of(name):
    elements = [tag for tag, _ in Outline(render(page_of(30.0, name=name))).elements]
    assert elements == [tag for tag, _ in Outline(render(page_of(30.0))).elements]


def test_a_long_film_has_a_bounded_curve_that_keeps_its_worst_frame():
    values = [40.0] * 100_000
    values[77_777], values[12_345] = 12.0, 50.0
    text = render(page_of(*values))
    data = json.loads(Outline(text).text["script"][0])
    assert (data["frames"], data["group"], data["first"]) == (100_000, 50, 0)
    assert len(data["psnr"]) == MAX_POINTS
    assert [77_777, 12.0] in data["psnr"]
    assert "PSNR in dB; each point is the lowest of 50 frames" in text
    assert "Lowest 12 in frame 77777, highest 50 in frame 12345." in text
    assert len(text) < 300_000
