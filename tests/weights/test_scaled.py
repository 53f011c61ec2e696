"""8-bit weights with scales beside them are read as what they stand for; other 8-bit formats are refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.open import open_weights

CODES = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).to(torch.float8_e4m3fn)
MARKER = torch.tensor(list(json.dumps({"format": "float8_e4m3fn"}).encode()), dtype=torch.uint8)
SCALES = {
    "one number": torch.tensor(0.25),
    "one in a list": torch.tensor([0.25]),
    "one a row": torch.arange(1.0, 7.0),
    "one a row, as a column": torch.arange(1.0, 7.0)[:, None],
}


def write(path: Path, **others: Tensor) -> Path:
    save_file({"layer.weight": CODES} | {k.replace("__", "."): v for k, v in others.items()}, path)
    return path


@pytest.mark.parametrize("name", ["weight_scale", "scale_weight"])
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_weight_is_its_codes_times_their_scale(tmp_path: Path, scale: Tensor, name: str) -> None:
    path = write(
        tmp_path / "x.safetensors",
        **{f"layer.{name}": scale},
        layer__comfy_quant=MARKER,
        layer__scale_input=torch.ones(1),
        scaled_fp8=torch.empty(0, dtype=torch.float8_e4m3fn),
    )
    expected = CODES.float() * (scale.view(-1, 1) if scale.numel() > 1 else scale)
    with open_weights(path) as source:
        assert list(source.specs) == ["layer.weight"]
        assert torch.equal(source.read("layer.weight"), expected)
        half = source.read("layer.weight", torch.empty(24, dtype=torch.bfloat16))
        assert torch.equal(half.view(6, 4), expected.bfloat16())
        assert torch.equal(source.stored("layer.weight").rows(2, 5).dense(torch.float32), expected[2:5])


def marker(text: bytes) -> Tensor:
    return torch.tensor(list(text), dtype=torch.uint8)


WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "another format": (
        lambda path: write(path, layer__comfy_quant=marker(b'{"format": "nvfp4"}')),
        "tensor layer.comfy_quant: weights in the format 'nvfp4' cannot be read; "
        "take the float16 file or a GGUF",
    ),
    "no format": (
        lambda path: write(path, layer__comfy_quant=marker(b"[1]")),
        "tensor layer.comfy_quant names no format; download it again",
    ),
    "a marker that is none": (
        lambda path: write(path, layer__comfy_quant=torch.zeros(3)),
        "tensor layer.comfy_quant is no marker of a format; download it again",
    ),
    "a scale of nothing": (
        lambda path: write(path, other__weight_scale=torch.ones(1)),
        "tensor other.weight_scale scales no tensor of the file; download it again",
    ),
    "too many scales": (
        lambda path: write(path, layer__weight_scale=torch.ones(4)),
        "tensor layer.weight_scale: 4 scales for (6, 4) weights; download it again",
    ),
    "scales of plain weights": (
        lambda path: write(path, plain__weight=torch.ones(2), plain__weight_scale=torch.ones(1)),
        "tensor plain.weight: scaled weights of type F32 cannot be read; take the float16 file or a GGUF",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    make, expected = WRONG[case]
    path = make(tmp_path / "x.safetensors")
    with pytest.raises(WeightsError) as error:
        open_weights(path)
    assert str(error.value) == f"{path}: {expected}"
