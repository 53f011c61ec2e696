"""A child never outlives its owner. Shell scripts stand in for an ffmpeg that misbehaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.process import KEPT_LINES, LINE_BYTES, FFmpegProcess, detached
from tests.media.conftest import children
from tests.media.test_ffmpeg import script


def test_a_flood_of_messages_blocks_nothing_and_takes_no_memory(tmp_path: Path) -> None:
    flood = script(tmp_path / "flood", "seq 1 200000 >&2; printf frames; seq 1 200000 >&2")
    with FFmpegProcess(flood, [], stdout=True) as process:
        assert process.read(100) == b"frames"
        assert process.wait() == 0
        assert process.last_words == tuple(str(n) for n in range(200001 - KEPT_LINES, 200001))


def test_a_message_without_an_end_is_cut(tmp_path: Path) -> None:
    endless = script(tmp_path / "endless", "head -c 3000000 /dev/zero | tr '\\0' x >&2")
    with FFmpegProcess(endless, []) as process:
        process.wait()
        assert max(len(line) for line in process.last_words) <= LINE_BYTES


def test_the_same_message_is_kept_once(tmp_path: Path) -> None:
    with FFmpegProcess(script(tmp_path / "twice", "echo a >&2; echo b >&2; echo a >&2"), []) as process:
        process.wait()
        assert process.last_words == ("a", "b")


def test_a_child_that_ignores_every_request_is_gone_after_the_block(tmp_path: Path) -> None:
    deaf = script(tmp_path / "deaf", "trap '' TERM INT HUP; while :; do sleep 0.1; done")
    begin = time.monotonic()
    with FFmpegProcess(deaf, [], stdin=True, stdout=True) as process:
        assert process.pid in children()
    assert process.pid not in children()
    assert time.monotonic() - begin < 2


def test_the_child_of_a_wrapper_script_goes_with_it(tmp_path: Path) -> None:
    wrapper = script(tmp_path / "wrapper", "sleep 60 & echo $! ; wait")
    with FFmpegProcess(wrapper, [], stdout=True) as process:
        inner = _read_number(process)
        assert _is_running(inner)
    assert not _is_running(inner)


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_block_ends_the_child(tmp_path: Path, stop: type[BaseException]) -> None:
    with pytest.raises(stop), FFmpegProcess(script(tmp_path / "wait", "exec sleep 60"), []) as process:
        raise stop
    assert process.pid not in children()


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    process = FFmpegProcess(script(tmp_path / "wait", "exec sleep 60"), [])
    process.close()
    process.close()


def test_writing_to_a_child_that_has_gone_is_an_error_at_once(tmp_path: Path) -> None:
    with FFmpegProcess(script(tmp_path / "gone", "exit 3"), [], stdin=True) as process:
        assert process.wait() == 3
        with pytest.raises(OSError, match="Broken pipe"):
            process.write(memoryview(bytes(1 << 20)))


def test_arguments_reach_the_child_as_they_are(tmp_path: Path) -> None:
    echo = script(tmp_path / "echo", 'for a in "$@"; do printf "%s\\n" "[$a]"; done')
    words = ["a b", "$(id)", "`id`", "a;b", "-x", "'", '"', "*", "ü"]
    with FFmpegProcess(echo, words, stdout=True) as process:
        said = process.read(10_000).decode().splitlines()
    assert said[-len(words) :] == [f"[{word}]" for word in words]


def test_a_child_stands_in_a_session_of_its_own(tmp_path: Path) -> None:
    with FFmpegProcess(script(tmp_path / "wait", "exec sleep 60"), []) as process:
        assert os.getsid(process.pid) == process.pid  # the terminal's Ctrl-C goes to ours alone


def test_each_system_has_its_way_to_detach_a_child() -> None:
    assert detached("posix") == {"start_new_session": True}
    assert detached("nt") == {"creationflags": 0x08000200}


def test_a_program_that_cannot_start_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none: does not run \(No such file or directory\)$"):
        FFmpegProcess(tmp_path / "none", [])


def test_a_child_ends_when_its_owner_is_killed(clips: Path, tmp_path: Path) -> None:
    owner_code = (
        "import sys; from pathlib import Path\n"
        "from seedvr2_cli.media.ffmpeg import find_ffmpeg\n"
        "from seedvr2_cli.media.process import FFmpegProcess\n"
        "args = ['-stream_loop', '-1', '-i', sys.argv[1], '-f', 'rawvideo', 'pipe:1']\n"
        "process = FFmpegProcess(find_ffmpeg(), args, stdout=True)\n"
        "print(process.pid, process.read(1)[:0], flush=True)\n"
        "while process.read(1 << 16): pass\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", owner_code, clips / "h264_10bit.mp4"], stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    child = int(owner.stdout.readline().split()[0])
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 10
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(child)


def _read_number(process: FFmpegProcess) -> int:
    text = b""
    while not text.endswith(b"\n"):
        text += process.read(1)
    return int(text)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # an orphan may wait for init to reap it
