"""Whether the kernels can run is told in one line, without importing triton."""

from importlib import metadata

import pytest
import torch

from seedvr2_cli.ops.on_triton import available as subject
from seedvr2_cli.ops.on_triton.tiles import Product, Work, choose_tile
from seedvr2_cli.ops.scales import E4M3


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
    ("versions", "capability", "dtype", "expected"),
    [
        ({"triton": "3.7.1"}, (12, 0), E4M3, (True, "Triton 3.7")),
        ({"triton": "3.6.0"}, (8, 9), E4M3, (True, "Triton 3.6")),
        ({"triton": "3.7.1"}, (8, 6), E4M3, (False, "compute capability 8.6; FP8 needs 8.9")),
        ({}, (8, 6), E4M3, (False, "compute capability 8.6; FP8 needs 8.9")),
        ({}, (12, 0), E4M3, (False, "Triton is not installed; pip install 'seedvr2[cuda]'")),
        (
            {"triton": "3.4.0"},
            (12, 0),
            E4M3,
            (False, "Triton 3.4 is older than 3.6, which comes with torch 2.10"),
        ),
        ({"triton": "3.7.1"}, None, E4M3, (False, "not a CUDA device")),
        ({"triton": "3.7.1"}, (8, 6), torch.int8, (True, "Triton 3.7")),
        ({"triton": "3.7.1"}, (8, 0), torch.int8, (True, "Triton 3.7")),
        (
            {"triton": "3.7.1"},
            (7, 5),
            torch.int8,
            (False, "compute capability 7.5; the kernels need 8.0"),
        ),
    ],
)
def test_one_line_says_why_or_why_not_in_8_bits(installed, versions, capability, dtype, expected):
    installed(**versions)
    assert subject.available_8bit(capability, dtype) == expected


@pytest.mark.parametrize(
    ("version", "capability", "dtype", "c_in", "descriptors"),
    [
        ("3.7.1", (12, 0), torch.bfloat16, 128, True),
        ("3.7.1", (9, 0), torch.bfloat16, 512, True),
        ("3.7.1", (12, 0), torch.bfloat16, 3, False),  # a descriptor's rows are whole 16 bytes
        ("3.7.1", (12, 0), torch.bfloat16, 24, True),
        ("3.7.1", (12, 0), E4M3, 24, False),
        ("3.7.1", (12, 0), torch.int8, 128, True),
        ("3.6.0", (12, 0), E4M3, 128, False),
        ("3.7.1", (8, 9), E4M3, 128, False),
    ],
)
def test_descriptors_read_the_tiles_where_there_is_tma(
    installed, version, capability, dtype, c_in, descriptors
):
    installed(triton=version)
    assert choose_tile(capability, False, Work(dtype, c_in, 128, 27 * c_in)).descriptors is descriptors


@pytest.mark.parametrize(
    ("version", "capability", "dtype", "terms", "product"),
    [
        ("3.6.0", (12, 0), E4M3, 3456, Product.SCALED),
        ("3.8.0", (12, 1), E4M3, 3456, Product.SCALED),
        ("3.7.1", (12, 1), E4M3, 3456, Product.DOT),
        ("3.7.1", (10, 0), E4M3, 13824, Product.DOT),
        ("3.7.1", (9, 0), E4M3, 3456, Product.DOT),
        ("3.7.1", (9, 0), E4M3, 6912, Product.PROMOTED),
        ("3.7.1", (8, 9), E4M3, 13824, Product.DOT),
        ("3.7.1", (9, 0), torch.bfloat16, 13824, Product.DOT),
        ("3.7.1", (8, 0), torch.int8, 13824, Product.INTEGER),
        ("3.7.1", None, torch.int8, 13824, Product.INTEGER),
        ("3.7.1", None, E4M3, 13824, Product.DOT),
    ],
)
def test_each_gpu_multiplies_as_it_is_fastest_and_exact(
    installed, version, capability, dtype, terms, product
):
    installed(triton=version)
    assert choose_tile(capability, False, Work(dtype, 128, 128, terms)).product is product
