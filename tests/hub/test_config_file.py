"""--config as a file, a folder, or a Hub repository; the Hub is played by a server on this machine."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.hub.config_file import find_config

CONFIG = json.dumps({"block_out_channels": [8, 16], "norm_num_groups": 4}).encode()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """What the Hub answers for owner/model, with a config in its folder vae."""

    def do_HEAD(self):
        self.answer(b"")

    def do_GET(self):
        self.answer(CONFIG)

    def answer(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        if path == "/owner/model/resolve/main/vae/config.json":
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(CONFIG).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(CONFIG)))
            self.end_headers()
            self.wfile.write(body)
            return
        known = path.startswith("/owner/model/")
        self.send_response(404 if known else 401)
        self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ask(name: str, endpoint: str, home, **env: str) -> tuple[str, str]:
    """(class of the error or "", the path or the error's line), from a process whose Hub is at endpoint."""
    code = (
        "import sys\n"
        "from seedvr2_cli.base.errors import WeightsError\n"
        "from seedvr2_cli.hub.config_file import find_config\n"
        "try: print(); print(find_config(sys.argv[1]))\n"
        "except WeightsError as error: print(type(error).__name__); print(error)\n"
    )
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", **env}
    done = subprocess.run(
        [sys.executable, "-c", code, name],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *_, kind, text = done.stdout.splitlines()
    return kind, text


def test_a_repository_with_a_subfolder_is_fetched_and_cached(hub, tmp_path):
    kind, path = ask("owner/model/vae", hub, tmp_path)
    assert kind == ""
    assert Path(path).read_bytes() == CONFIG
    assert ask("owner/model/vae", "http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1") == ("", path)


@pytest.mark.parametrize("env", [{"HF_HUB_OFFLINE": "1"}, {}])
def test_a_hub_out_of_reach_is_offline(tmp_path, env):
    assert ask("owner/model/vae", "http://127.0.0.1:9", tmp_path, **env) == (
        "HubOffline",
        "owner/model/vae: the Hub cannot be reached, and it is not in the cache",
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "owner/model",
            "owner/model: the repository holds no config.json there; name its folder: owner/name/vae",
        ),
        ("owner/none", "owner/none: no such file or Hub repository; check the name"),
    ],
)
def test_what_the_hub_does_not_have_is_named(hub, tmp_path, name, line):
    assert ask(name, hub, tmp_path) == ("WeightsError", line)


def test_a_file_and_a_folder_are_found_without_the_hub(tmp_path):
    (tmp_path / "config.json").write_bytes(CONFIG)
    assert find_config(tmp_path / "config.json") == tmp_path / "config.json"
    assert find_config(tmp_path) == tmp_path / "config.json"


@pytest.mark.parametrize(
    "name", ["missing.json", "./a/b", "/a/b", "a", "a/../b", "a/b/../../c", "a/b.json", "", "é/b"]
)
def test_what_is_neither_a_file_nor_a_repository_is_said(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError) as caught:
        find_config(name)
    assert "give" in str(caught.value)


def test_a_folder_without_a_config_is_said(tmp_path):
    with pytest.raises(WeightsError) as caught:
        find_config(tmp_path)
    assert str(caught.value) == f"{tmp_path}: no config.json in this folder; give the JSON file itself"
