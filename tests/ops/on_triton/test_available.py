"""Whether the kernels can run is told in one line, without importing triton."""

from importlib import metadata

import pytest

from seedvr2_cli.ops.on_triton import available as subject
from seedvr2_cli.ops.on_triton.tiles import choose_tile


@pytest.fixture
def installed(monkeypatch):
    """Pretend that these distributions are there."""

    def pretend(**versions: str) -> None:
        def version(name: str) -> str:
            if name.replace("-", "_") not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name.replace("-", "_")]

        monkeypatch.setattr(metadata, "version", version)
        subject.triton_version.cache_clear()

    yield pretend
    subject.triton_version.cache_clear()


@pytest.mark.parametrize(
    ("versions", "capability", "expected"),
    [
        ({"triton": "3.7.1"}, (12, 0), (True, "Triton 3.7")),
        ({"triton_windows": "3.6.0.post26"}, (8, 9), (True, "Triton 3.6")),
        ({"triton": "3.10.0+git1234"}, (8, 0), (True, "Triton 3.10")),
        ({}, (9, 0), (False, "Triton is not installed; pip install 'seedvr2[cuda]'")),
        ({"triton": "3.5.1"}, (9, 0), (False, "Triton 3.5 is older than 3.6, which comes with torch 2.10")),
        ({"triton": "3.7.1"}, (7, 5), (False, "compute capability 7.5; the kernels need 8.0")),
        ({"triton": "3.7.1"}, None, (False, "not a CUDA device")),
    ],
)
def test_one_line_says_why_or_why_not(installed, versions, capability, expected):
    installed(**versions)
    assert subject.available(capability) == expected


@pytest.mark.parametrize(
    ("version", "capability", "c_in", "descriptors"),
    [
        ("3.7.1", (12, 0), 128, True),
        ("3.7.1", (9, 0), 512, True),
        ("3.7.1", (12, 0), 3, False),  # a descriptor's rows are whole 16 bytes
        ("3.6.0", (12, 0), 128, False),
        ("3.7.1", (8, 9), 128, False),
    ],
)
def test_descriptors_read_the_tiles_where_there_is_tma(installed, version, capability, c_in, descriptors):
    installed(triton=version)
    assert choose_tile(capability, False, c_in, 128).descriptors is descriptors
