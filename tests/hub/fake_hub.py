"""A server on this machine that plays the Hub, and the program asking it from a process of its own."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOWHERE = "http://127.0.0.1:9"  # nobody listens there


@dataclass
class FakeHub:
    """files: path in owner/model -> content. etags: where not the content's SHA-256. refused: path ->
    (status, error code). cuts: the next GETs end after so many bytes. slow_s: that each MiB takes. asked:
    method, path and range of every request."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    slow_s: float = 0.0
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""

    def gets(self) -> list[str]:
        """The range of every GET of a file, empty for a whole one."""
        return [wanted for method, path, wanted in self.asked if method == "GET" and path in self.files]


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield hub
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0].partition("/resolve/")[2].partition("/")[2]
        wanted = self.headers.get("Range", "")
        self.hub.asked.append((self.command, path, wanted))
        content = self.hub.files.get(path)
        status, code = self.hub.refused.get(path, (404, "EntryNotFound") if content is None else (200, ""))
        begin = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        body = b"" if content is None or code else content[begin:]
        self.send_response(206 if wanted and not code else status)
        if code:
            self.send_header("X-Error-Code", code)
        if wanted and content is not None:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{self.hub.etags.get(path, hashlib.sha256(content or b"").hexdigest())}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.send(body)

    def send(self, body: bytes) -> None:
        end = self.hub.cuts.pop(0) if self.hub.cuts else len(body)
        try:
            for at in range(0, end, 1 << 20):
                threading.Event().wait(self.hub.slow_s)
                self.wfile.write(body[at : min(end, at + (1 << 20))])
        except OSError:  # whoever asked has gone
            end = 0
        if end < len(body):
            self.close_connection = True

    def log_message(self, *args):
        pass


# resolves a name against a table of one file, and says every line and how it ended
_CODE = """
import json, sys
from pathlib import Path
from seedvr2_cli.base.errors import SeedVR2Error
from seedvr2_cli.base.events import Line
from seedvr2_cli.hub.find import resolve
from seedvr2_cli.hub.known import KnownFile, Place, Variant
from seedvr2_cli.hub.places import FindOptions

class Lines:
    def emit(self, event):
        if isinstance(event, Line):
            print("line", event.text, flush=True)

asked = json.loads(sys.argv[1])
places = tuple(Place("owner/model", path) for path in asked["paths"])
known = KnownFile(asked["file"], Variant.VAE, "float16", None, asked["sha256"], places)
options = FindOptions(folders=tuple(map(Path, asked["folders"])), offline=asked["offline"])
try:
    print("path", resolve(asked["name"], (Variant.VAE,), options, Lines(), (known,)))
except SeedVR2Error as error:
    print(type(error).__name__, error)
"""


@dataclass
class Answer:
    """How it ended: `path`, or the class of the error; the path or the error's line; the lines on the way."""

    kind: str
    text: str
    lines: list[str]


class Asking:
    """A process that resolves a name; `answer` waits for it."""

    def __init__(self, hub: str, home: Path, cwd: Path, **asked: Any) -> None:
        words = {"name": "model", "file": "model.gguf", "paths": ["model.gguf"], "sha256": None}
        words |= {"folders": [], "offline": False}
        env = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
        env |= asked.pop("env", {})
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _CODE, json.dumps(words | asked)],
            env=os.environ | env,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> Answer:
        """Wait for the end; nothing but our own lines may have been said."""
        out, err = self.process.communicate(timeout=120)
        assert err == "", err
        *lines, last = out.splitlines()
        kind, _, text = last.partition(" ")
        return Answer(kind, text, [line.removeprefix("line ") for line in lines])
