"""One child ffmpeg and its owner: it never outlives the block that started it."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.media.ffmpeg import child_environment, tidy

if sys.platform == "linux":
    import fcntl

KEPT_LINES = 40  # of the log, at its end
LINE_BYTES = 1000
PIPE_BYTES = 1 << 20  # the most that Linux gives to everyone

_COMMON = ("-nostdin", "-hide_banner", "-nostats", "-v")
_QUIET, _TALKING = ("error",), ("level+info",)
_SERIOUS = re.compile(r"\[(?:error|fatal|panic)\] ")


class Ear(Protocol):
    """Who listens to all that an ffmpeg says, on a thread of the process."""

    def hear(self, line: str) -> None: ...

    def close(self) -> None: ...


class FFmpegProcess:
    """A running ffmpeg, with a pipe to it (stdin) or from it (stdout) where asked for.

    Its log is read all the time, so that a flood of it cannot block the child; the last errors are kept.
    ear: hears the whole log, until it closes. stdout may be a file that is open already.
    """

    def __init__(
        self,
        ffmpeg: Path,
        arguments: Sequence[str],
        *,
        stdin: bool = False,
        stdout: bool | int = False,
        ear: Ear | None = None,
    ) -> None:
        pipe = subprocess.PIPE if stdout is True else subprocess.DEVNULL
        self._ear = ear
        try:
            self._child = subprocess.Popen(
                [ffmpeg, *_COMMON, *(_TALKING if ear else _QUIET), *arguments],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=pipe if isinstance(stdout, bool) else stdout,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=child_environment(),
                **detached(os.name),
            )
        except OSError as error:
            raise UsageError(f"does not run ({error.strerror})", where=ffmpeg) from error
        for pipe_end in (self._child.stdin, self._child.stdout):
            if pipe_end is not None:
                _widen(pipe_end.fileno())
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._listener = threading.Thread(target=self._listen, name="ffmpeg log", daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def last_words(self) -> tuple[str, ...]:
        """The end of its log so far, one entry per different line."""
        return tuple(dict.fromkeys(self._lines))

    def fill(self, buffer: memoryview) -> int:
        """Read from its stdout until buffer (of bytes) is full or the stream ends. Returns the bytes read."""
        stdout = self._child.stdout
        assert isinstance(stdout, io.FileIO)
        done = 0
        while done < len(buffer) and (count := stdout.readinto(buffer[done:])):
            done += count
        return done

    def read(self, size: int) -> bytes:
        """The next `size` bytes of its stdout, fewer at the end."""
        buffer = bytearray(size)
        return bytes(buffer[: self.fill(memoryview(buffer))])

    def write(self, data: memoryview) -> None:
        """Write all of data (bytes) to its stdin. Raises OSError when it has stopped reading."""
        stdin = self._child.stdin
        assert isinstance(stdin, io.FileIO)
        done = 0
        while done < len(data):
            done += stdin.write(data[done:]) or 0

    def end_input(self) -> None:
        """Close its stdin: there is no more to come."""
        if self._child.stdin is not None:
            self._child.stdin.close()

    def wait(self) -> int:
        """Wait until it ends by itself. Returns its exit code, negative for a signal."""
        code = self._child.wait()
        self._listener.join()
        return code

    def close(self) -> None:
        """Kill it if it still runs, reap it and close the pipes. May be called twice.

        Killed, not asked: nothing it still does is wanted, and one that waits for a pipe hears no request.
        """
        try:
            self._kill()
        finally:
            self._child.wait()
            self._listener.join()
            for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
                if pipe is not None:
                    pipe.close()

    def _kill(self) -> None:
        if self._child.poll() is not None:
            return
        if os.name == "nt":
            self._child.kill()
        else:
            os.killpg(self._child.pid, signal.SIGKILL)  # a wrapper script is one group with its ffmpeg

    def _listen(self) -> None:
        stderr = self._child.stderr
        assert stderr is not None
        with open(stderr.fileno(), "rb", closefd=False) as log:
            while line := log.readline(LINE_BYTES):
                self._note(line.decode("utf-8", "replace"))
        if self._ear:
            self._ear.close()

    def _note(self, line: str) -> None:
        if self._ear:
            self._ear.hear(line)
            if not _SERIOUS.search(line):
                return
            line = _SERIOUS.sub("", line)
        if text := tidy(line):
            self._lines.append(text)


def _widen(pipe_end: int) -> None:
    """Let a pipe hold a fair part of a frame, where the system allows: fewer turns between two processes."""
    if sys.platform == "linux":
        with suppress(OSError):  # a user's share of pipes may be used up
            fcntl.fcntl(pipe_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def detached(system: str) -> dict[str, Any]:
    """How to start a child that the terminal's Ctrl-C does not reach: its owner stops it. system: os.name."""
    if system == "nt":
        # the values of CREATE_NEW_PROCESS_GROUP and CREATE_NO_WINDOW, which other systems do not define
        return {"creationflags": 0x00000200 | 0x08000000}
    return {"start_new_session": True}
