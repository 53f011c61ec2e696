"""What all tests share: the folder beside the checkout, and which cases need it."""

from pathlib import Path

import pytest
from hypothesis import settings

SHARED = Path(__file__).parents[2] / "shared"
DATA = Path(__file__).parent / "data"

settings.register_profile("house", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("house")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, with a count, what needs ../shared where it is absent, and slow cases unless asked for."""
    left_out = []
    if not SHARED.is_dir():
        left_out += [item for item in items if item.get_closest_marker("shared")]
    if not config.option.markexpr:
        left_out += [item for item in items if item.get_closest_marker("slow") and item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ../shared: specs, fixtures, clips."""
    return SHARED


@pytest.fixture(scope="session")
def data() -> Path:
    """The small fixtures and clips that travel with the tests."""
    return DATA
