"""Downloads from a server that plays the Hub: cut, stopped, wrong, twice at once, without room or network."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.fake_hub import NOWHERE, Answer, Asking, FakeHub, serving

MIB = 1 << 20
CONTENT = random.Random(1).randbytes(25 * MIB)  # the library writes 10 MiB at a time
SHA = hashlib.sha256(CONTENT).hexdigest()
CHECKED = "model.gguf: its SHA-256 is the known one"
START = "Downloading video VAE, float16: owner/model/model.gguf, 25.0 MiB"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub(files={"model.gguf": CONTENT})) as hub:
        yield hub


@pytest.fixture
def ask(hub, tmp_path):
    """Resolve a name in a process of its own, with a home and a current folder of its own."""
    (tmp_path / "here").mkdir()

    def start(**asked: object) -> Asking:
        return Asking(hub.url, tmp_path / "home", tmp_path / "here", **asked)

    return start


def parts(home: Path) -> list[Path]:
    return sorted(home.rglob("*.seedvr2.part"))


def got(answer: Answer) -> bytes:
    """The content of the file that was found."""
    assert answer.kind == "path", answer
    return Path(answer.text).read_bytes()


def test_a_file_arrives_whole_in_the_hubs_cache_and_is_not_asked_for_again(hub, ask, tmp_path):
    first = ask(sha256=SHA).answer()
    assert got(first) == CONTENT
    assert first.lines == [START, CHECKED]
    assert Path(first.text).is_relative_to(tmp_path / "home/hub/models--owner--model/snapshots")
    before = len(hub.asked)
    second = ask(sha256=SHA).answer()
    assert (second.text, second.lines) == (first.text, ["model.gguf: video VAE, float16"])
    assert len(hub.asked) == before
    assert parts(tmp_path) == []


def test_the_librarys_own_download_finds_what_ours_fetched(hub, ask, tmp_path):
    found = ask(sha256=SHA).answer().text
    code = "import huggingface_hub; print(huggingface_hub.hf_hub_download('owner/model', 'model.gguf'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == found
    assert len(hub.gets()) == 1


def test_a_cut_connection_is_resumed_in_the_same_run(hub, ask):
    hub.cuts = [22 * MIB]
    assert got(ask(sha256=SHA).answer()) == CONTENT
    assert hub.gets() == ["", f"bytes={20 * MIB}-"]


def test_a_stopped_download_goes_on_in_the_next_run(hub, ask, tmp_path):
    hub.slow_s = 0.1
    stopped = ask(sha256=SHA)
    wait_for(lambda: any(part.stat().st_size >= 10 * MIB for part in parts(tmp_path)))
    stopped.process.send_signal(signal.SIGKILL)
    stopped.process.communicate()
    (part,) = parts(tmp_path)
    held, hub.slow_s = part.stat().st_size, 0
    again = ask(sha256=SHA).answer()
    assert got(again) == CONTENT
    assert hub.gets() == ["", f"bytes={held}-"]
    assert again.lines == [
        START,
        f"Going on where it stopped: {held // MIB}.0 MiB of 25.0 MiB are here",
        CHECKED,
    ]


def test_content_of_another_hash_is_kept_aside_and_never_used(hub, ask, tmp_path):
    hub.etags["model.gguf"] = SHA
    hub.files["model.gguf"] = wrong = CONTENT[:-1] + b"?"
    answer = ask(sha256=SHA).answer()
    digest = hashlib.sha256(wrong).hexdigest()
    (aside,) = tmp_path.rglob("*.differs")
    assert (answer.kind, answer.text) == (
        "WeightsError",
        f"owner/model/model.gguf: what arrived has sha256 {digest[:12]}..., expected {SHA[:12]}...; "
        f"try again; it is kept as {aside}",
    )
    assert aside.read_bytes() == wrong
    hub.files["model.gguf"] = CONTENT
    assert got(ask(sha256=SHA).answer()) == CONTENT


def test_another_file_at_the_known_place_is_said_before_a_byte_is_fetched(hub, ask):
    answer = ask(sha256="0" * 64).answer()
    assert (answer.kind, answer.text) == (
        "NotOnHub",
        f"owner/model/model.gguf: the Hub now has another file there (sha256 {SHA[:12]}..., "
        "known: 000000000000...); if you trust it, fetch it by hand and give its path",
    )
    assert hub.gets() == []


def test_without_a_pinned_hash_the_hubs_own_is_checked_and_said(ask):
    assert ask().answer().lines[-1] == "model.gguf: its SHA-256 is the Hub's own; none is pinned"


def test_two_processes_at_once_fetch_it_once(hub, ask):
    hub.slow_s = 0.1
    both = [ask(sha256=SHA), ask(sha256=SHA)]
    answers = [one.answer() for one in both]
    assert [got(answer) for answer in answers] == [CONTENT, CONTENT]
    assert len(hub.gets()) == 1
    assert "Another process is downloading it; waiting" in answers[0].lines + answers[1].lines


def test_the_second_place_is_asked_where_the_first_has_it_no_more(hub, ask):
    hub.files["other.gguf"] = CONTENT
    answer = ask(sha256=SHA, paths=["gone.gguf", "other.gguf"]).answer()
    assert got(answer) == CONTENT


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (404, "EntryNotFound", "the Hub has no such file; see seedvr2 models list"),
        (401, "RepoNotFound", "the Hub has no such file; see seedvr2 models list"),
        (403, "GatedRepo", "the repository is gated; log in with hf auth login"),
        (403, "Nothing", "the Hub refused it (403); try again later"),
    ],
)
def test_what_the_hub_refuses_is_one_line(hub, ask, status, code, line):
    hub.refused["model.gguf"] = (status, code)
    assert ask().answer().text == f"owner/model/model.gguf: {line}"


@pytest.mark.parametrize("env", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": NOWHERE}])
def test_without_a_network_one_line_names_the_ways_out(ask, env):
    answer = ask(env=env).answer()
    assert (answer.kind, answer.text) == (
        "HubOffline",
        "owner/model/model.gguf: the Hub cannot be reached, and it is not in the cache; "
        "run seedvr2 models download model where there is a network, or give a file",
    )


def test_offline_asks_nobody_and_takes_what_the_cache_has(hub, ask):
    assert ask(offline=True).answer().text == (
        "model.gguf: is not on this machine, and --offline was given; "
        "run seedvr2 models download model where there is a network, or give a file"
    )
    assert hub.asked == []
    found = ask().answer().text
    assert ask(offline=True, env={"HF_ENDPOINT": NOWHERE}).answer().text == found


def test_a_connection_lost_for_good_is_one_line_and_the_next_run_goes_on(hub, ask):
    hub.cuts = [12 * MIB, *[0] * 20]
    lost = ask(sha256=SHA).answer()
    assert lost.kind == "HubOffline"
    assert lost.text == (
        "owner/model/model.gguf: the connection was lost; run it again: it goes on where it stopped"
    )
    hub.cuts.clear()
    assert got(ask(sha256=SHA).answer()) == CONTENT


@pytest.mark.root
def test_a_disk_without_room_is_said_before_the_first_byte(hub, ask, small_disk):
    answer = ask(env={"HF_HUB_CACHE": str(small_disk)}).answer()
    assert answer.kind == "OutputError"
    assert answer.text.startswith(f"{small_disk}: 25.0 MiB to download, ")
    assert answer.text.endswith(" KiB free; free some, or set HF_HUB_CACHE to another disk")
    assert hub.gets() == []


@pytest.mark.root
def test_a_disk_that_fills_up_is_one_line(hub, ask, small_disk, tmp_path):
    """The file fits when it is begun: something else takes the room meanwhile."""
    hub.files["model.gguf"] = CONTENT[: 200 * 1024]
    hub.slow_s = 1.0
    asking = ask(env={"HF_HUB_CACHE": str(small_disk)})
    wait_for(lambda: any("GET" in asked for asked in hub.asked))
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "something").write_bytes(bytes(400 * 1024))
    answer = asking.answer()
    assert (answer.kind, answer.text) == (
        "OutputError",
        f"{small_disk}: no space left on the disk; free some, or set HF_HUB_CACHE to another disk",
    )


def test_a_users_file_of_the_same_name_is_taken_with_a_word_and_never_touched(hub, ask, tmp_path):
    own = tmp_path / "here/model.gguf"
    own.write_bytes(b"mine")
    before = own.stat().st_mtime_ns
    assert ask(sha256=SHA).answer().text == "model.gguf"
    assert (own.read_bytes(), own.stat().st_mtime_ns, hub.asked) == (b"mine", before, [])


def wait_for(happened) -> None:
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")
