"""`compare --html`: the page as it is written, and as a browser shows it and a hand and keys move it."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from seedvr2_cli.cli.app import main
from seedvr2_cli.compare.html import render
from tests.browser import Browser, find_browser
from tests.cli.test_errors import only_line
from tests.compare.test_html import page_of as page_of_numbers

RED, BLUE = (200, 30, 20), (20, 30, 200)
RED_NAME = "<img src=x onerror='stolen = 1'>&amp;.png"


@pytest.fixture(scope="module")
def film_page(data, worse, tmp_path_factory) -> Path:
    """The page of a clip of 72 frames."""
    return page_of(data / "clips/Eyes_212x120.mp4", worse, tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="module")
def still_page(tmp_path_factory) -> Path:
    """The page of a red picture and a blue one."""
    folder = tmp_path_factory.mktemp("still")
    files = [folder / RED_NAME, folder / "blue.png"]
    for path, color in zip(files, (RED, BLUE), strict=True):
        Image.new("RGB", (160, 120), color).save(path)
    return page_of(*files, folder)


def page_of(a: Path, b: Path, folder: Path) -> Path:
    page = folder / "page.html"
    assert main(["compare", str(a), str(b), "--no-sheet", "-q", "--html", str(page)]) == 0
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_browser()
    assert program
    with Browser(program) as browser:
        yield browser


def test_a_page_is_written_and_named(run, clip, worse):
    page = clip.with_name("page.html")
    result = run("compare", clip, worse, "--no-sheet", "--html", page, "--json")
    assert result.code == 0
    report = json.loads(result.out)
    assert report["outputs"] == [str(page)]
    assert report["settings"]["html"] == str(page)
    assert "page" in [stage["name"] for stage in report["stages"]]
    assert re.search(r"^\[Page\] ✓ .*page\.html: 1\d frames with pictures, [\d.]+ [KM]iB$", result.err, re.M)
    worst = report["facts"]["worst_frame"]
    text = page.read_text(encoding="utf-8")
    assert f'data-frame="{worst["frame"]}"' in text
    assert f'<dd class="value">{report["facts"]["psnr_db"]:.2f} dB</dd>' in text
    again = run("compare", clip, worse, "--no-sheet", "--html", page)
    assert (again.code, only_line(again)) == (
        5,
        f"{page}: exists already; give --overwrite or another --html",
    )
    assert run("compare", clip, worse, "--no-sheet", "--html", page, "--overwrite").code == 0


def test_what_is_odd_about_a_comparison_stands_on_the_page(run, data, tmp_path):
    page = tmp_path / "page.html"
    clips = [data / "clips/anim.gif", data / "clips/oneframe.gif"]
    assert run("compare", *clips, "--no-sheet", "--html", page).code == 0
    assert "<li>A has 8 frames, B 1: the first 1 are compared</li>" in page.read_text(encoding="utf-8")


@pytest.mark.browser
def test_a_page_asks_nobody_and_complains_of_nothing(browser, film_page):
    browser.requests.clear()
    browser.open(film_page)
    assert (browser.requests, browser.problems) == ([film_page.as_uri()], [])
    blocked = browser.run("""new Promise((done) => {
        document.addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective));
        fetch("http://127.0.0.1:9/").catch(() => {});
    })""")
    assert blocked == "connect-src"
    browser.run("document.body.append(Object.assign(document.createElement('script'), {text: 'stolen = 1'}))")
    assert browser.run("typeof stolen") == "undefined"
    browser.problems.clear()


def value(browser: Browser) -> int:
    return int(browser.run("document.getElementById('handle').getAttribute('aria-valuenow')"))


def caption(browser: Browser) -> str:
    return browser.run("document.getElementById('caption').textContent")


@pytest.mark.browser
def test_keys_move_the_line_and_the_frame(browser, film_page):
    browser.open(film_page)
    browser.run("document.getElementById('zoom').focus()")
    browser.press("Tab")
    assert browser.run("document.activeElement.id") == "handle"
    outline = "getComputedStyle(document.getElementById('stage')).outlineStyle"
    assert browser.run(outline) == "solid"
    scrolled, moves = browser.run("scrollY"), []
    for key, shift in [("ArrowRight", False), ("ArrowRight", True), ("ArrowLeft", False), ("End", False)]:
        browser.press(key, shift=shift)
        moves.append(value(browser))
    browser.press(" ")
    assert [*moves, value(browser)] == [51, 61, 60, 100, 0]
    browser.press("ArrowUp", times=30)
    first = caption(browser)
    browser.press("ArrowDown")
    assert first.startswith("Frame 0 at 0.000 s: ")
    assert re.match(r"Frame [1-9]\d* at \d\.\d{3} s: \d\d\.\d\d dB, SSIM 0\.\d{5}", caption(browser))
    assert browser.run("document.getElementById('frame').selectedIndex") == 1
    assert browser.run("scrollY") == scrolled


def colors(browser: Browser) -> list[tuple[int, int, int]]:
    """What stands at 10, 40, 60 and 90 percent of the stage's width, near its top."""
    x, y, width, _ = browser.box("#stage")
    picture = Image.open(io.BytesIO(browser.screenshot())).convert("RGB")
    return [picture.getpixel((round(x + part * width), round(y + 8))) for part in (0.1, 0.4, 0.6, 0.9)]


@pytest.mark.browser
@pytest.mark.parametrize("zoom", [0, 1, 2])
def test_left_of_the_line_is_a_and_right_of_it_b_wherever_it_is_dragged(browser, still_page, zoom):
    browser.open(still_page)
    browser.run(f"""{{
        const zoom = document.getElementById("zoom");
        zoom.value = {zoom};
        zoom.dispatchEvent(new Event("change"));
    }}""")
    assert colors(browser) == [RED, RED, BLUE, BLUE]
    x, y, width, height = browser.box("#stage")
    assert zoom == 0 or (width, height) == (160 * zoom, 120 * zoom)
    browser.mouse("mousePressed", x + width / 2, y + height / 2)
    browser.mouse("mouseMoved", x + width / 4, y + height / 2)
    browser.mouse("mouseReleased", x + width / 4, y + height / 2)
    assert value(browser) == 25
    assert colors(browser) == [RED, BLUE, BLUE, BLUE]
    browser.press("End")  # a drag leaves the keys with the line
    assert colors(browser) == [RED] * 4
    browser.run("document.getElementById('flip').click()")
    assert colors(browser) == [BLUE] * 4


@pytest.mark.browser
def test_a_finger_drags_the_line(browser, still_page):
    browser.ask("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        browser.open(still_page, width=360, height=700)
        x, y, width, height = browser.box("#stage")
        for kind, part in [("touchStart", 0.5), ("touchMove", 0.6), ("touchMove", 0.75), ("touchEnd", None)]:
            points = [] if part is None else [{"x": x + part * width, "y": y + height / 3}]
            browser.ask("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        assert value(browser) == 75
    finally:
        browser.ask("Emulation.setTouchEmulationEnabled", enabled=False)


@pytest.mark.browser
def test_enlarged_the_line_stays_in_view_and_its_focus_visible(browser, film_page):
    browser.open(film_page, width=360)
    browser.run("""{
        const zoom = document.getElementById("zoom");
        zoom.value = 4;
        zoom.dispatchEvent(new Event("change"));
        zoom.focus();
    }""")
    browser.press("Tab")
    assert browser.run("document.activeElement.id") == "scroller"
    browser.press("Tab")
    assert browser.run("getComputedStyle(document.getElementById('scroller')).outlineStyle") == "solid"
    for key, seen in [("End", 848), ("Home", 0)]:
        browser.press(key)
        left, wide = browser.run("[scroller.scrollLeft, scroller.clientWidth]")
        assert left <= seen <= left + wide + 4
    assert browser.run("document.documentElement.scrollWidth") <= 360


@pytest.mark.browser
def test_a_curve_is_read_by_hand_and_by_keys(browser, film_page):
    browser.open(film_page)
    x, y, width, height = browser.box("#ssim")
    browser.mouse("mouseMoved", x + width * 40 / 71, y + height / 2)
    reading = browser.run("document.getElementById('reading').textContent")
    assert re.fullmatch(r"Frame 40: PSNR \d\d\.\d\d dB, SSIM 0\.\d{5}", reading)
    cursor = browser.run("parseFloat(document.querySelector('#psnr .cursor').getAttribute('x1'))")
    assert cursor == pytest.approx(100 * 40 / 71, abs=0.1)
    browser.run("document.getElementById('reader').focus()")
    browser.press("ArrowRight")
    spoken = browser.run("document.getElementById('reader').getAttribute('aria-valuetext')")
    assert spoken.startswith("Frame 41: PSNR ")
    browser.press("Home")
    browser.press("Enter")
    assert caption(browser).startswith("Frame 0 ")
    browser.box("#psnr")
    browser.mouse("mousePressed", x + width, y + height / 2)
    browser.mouse("mouseReleased", x + width, y + height / 2)
    assert caption(browser).startswith("Frame 71 ")


@pytest.mark.browser
def test_where_frames_share_a_point_their_lowest_is_read(browser, tmp_path):
    values = [40.0] * 10_000
    values[7777] = 21.5
    page = tmp_path / "long.html"
    page.write_text(render(page_of_numbers(*values)), encoding="utf-8")
    browser.open(page)
    x, y, width, height = browser.box("#psnr")
    browser.mouse("mouseMoved", x + width * 7775 / 9999, y + height / 2)
    reading = browser.run("document.getElementById('reading').textContent")
    assert reading == (
        "Frames 7775 to 7779: lowest PSNR 21.50 dB (frame 7777), lowest SSIM 0.90000 (frame 7775)"
    )


@pytest.mark.browser
def test_a_name_is_shown_as_it_is_and_runs_nothing(browser, still_page):
    browser.open(still_page)
    assert browser.run("document.querySelector('h1 bdi').textContent") == RED_NAME
    assert (browser.run("typeof stolen"), browser.problems) == ("undefined", [])


@pytest.mark.browser
def test_a_worst_frame_is_shown_from_the_list(browser, film_page):
    browser.open(film_page)
    assert caption(browser).endswith(", the worst")
    frame = browser.run("""{
        const button = [...document.querySelectorAll("[data-show]")][2];
        button.click();
        button.dataset.show
    }""")
    assert caption(browser).startswith(f"Frame {frame} ")
    assert browser.run("document.activeElement.id") == "handle"


def contrast(browser: Browser, selector: str) -> float:
    """Of an element's text with the ground that it stands on, as WCAG 2 counts it."""
    pair = browser.run(f"""(() => {{
        const element = document.querySelector({json.dumps(selector)});
        const ground = (part) => getComputedStyle(part).backgroundColor;
        let below = element;
        while (ground(below) === "rgba(0, 0, 0, 0)") below = below.parentElement;
        return [getComputedStyle(element).color, ground(below)];
    }})()""")
    light = []
    for color in pair:
        parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(light) / min(light)


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_in_light_and_dark(browser, film_page, dark):
    browser.open(film_page, dark=dark)
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", ground)[0]) < 128) == dark
    for selector in (
        "h1",
        ".key.a",
        ".key.b",
        ".tiles dt",
        ".more",
        "button",
        "#keys",
        "#reading",
        "tbody th",
    ):
        assert contrast(browser, selector) >= 4.5, selector


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 360, 768, 2560])
def test_a_page_is_never_wider_than_its_window(browser, film_page, width):
    browser.open(film_page, width=width, height=700)
    assert browser.run("document.documentElement.scrollWidth") <= width
    _, _, wide, high = browser.box("#stage")
    assert wide <= width
    assert high <= 0.75 * 700 + 1
    assert wide / high == pytest.approx(213 / 120, rel=0.001)  # the clip's pixels are not quite square


@pytest.mark.browser
def test_a_screen_reader_hears_of_everything(browser, film_page):
    browser.open(film_page)
    said = browser.accessible()
    assert ("slider", "Line between A (left) and B (right)") in said
    assert ("heading", "Worst frames") in said
    controls = {"button", "slider", "combobox", "image", "img", "region", "group"}
    assert [role for role, name in said if role in controls and not name] == []
    assert any(name.startswith("PSNR in dB of 72 frames") for role, name in said if role in ("image", "img"))


@pytest.mark.browser
def test_without_a_script_all_pairs_stand_below_each_other(browser, film_page):
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(film_page, width=600)
        boxes = [browser.box(f".pair:nth-child({place}) figcaption") for place in (1, 2, 3)]
        assert [height > 0 for *_, height in boxes] == [True] * 3
        assert browser.run("getComputedStyle(document.querySelector('.controls')).display") == "none"
        assert browser.run("getComputedStyle(document.getElementById('handle')).display") == "none"
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)
