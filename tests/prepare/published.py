"""The published tools' pictures before and after preparation."""

from pathlib import Path

from tests.vae.conftest import Fixture, read_fixture


def published(name: str, data: Path, shared: Path) -> Fixture:
    """A fixture of kind `prepare` or `color`; the small ones travel with the tests."""
    file = f"{name}.safetensors"
    small = data / "dit" / file
    return read_fixture(small if small.exists() else shared / "fixtures/dit" / file)
