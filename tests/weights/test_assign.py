"""Weights land in a module whole, finite and in the asked types, or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.assign import LoadedFacts, assign, expected_shapes
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.recipe import recipe_tensor
from tests.weights.forge import meta_module, save

SHAPES = {"conv.weight": (4, 2, 3, 3, 3), "conv.bias": (4,), "out.0.weight": (3, 4), "out.0.bias": (3,)}
WEIGHTS = {name: torch.from_numpy(recipe_tensor(name, shape, seed=1)) for name, shape in SHAPES.items()}


def load(path: Path, dtype: torch.dtype = torch.float32) -> tuple[torch.nn.Module, LoadedFacts]:
    module = meta_module(SHAPES)
    with open_weights(path) as source:
        facts = assign(module, source, dtype_of=lambda name: dtype, device="cpu")
    return module, facts


def refusal(path: Path, dtype: torch.dtype = torch.float32) -> str:
    with pytest.raises(WeightsError) as error:
        load(path, dtype)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("suffix", [".gguf", ".safetensors", ".pth"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_format_gives_the_same_module(tmp_path: Path, suffix: str, dtype: torch.dtype) -> None:
    module, facts = load(save(tmp_path / f"a{suffix}", WEIGHTS), dtype)
    state = module.state_dict()
    assert all(torch.equal(state[name], weight.to(dtype)) for name, weight in WEIGHTS.items())
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert facts.stored.tensors == 4
    assert facts.stored.parameters == 235
    assert facts.loaded_bytes == 235 * dtype.itemsize


def test_each_name_may_have_its_own_type(tmp_path: Path) -> None:
    module = meta_module(SHAPES)
    with open_weights(save(tmp_path / "a.gguf", WEIGHTS)) as source:
        assign(
            module,
            source,
            dtype_of=lambda name: torch.float16 if name == "conv.weight" else torch.float32,
            device="cpu",
        )
    assert {name: p.dtype for name, p in module.named_parameters()} == {
        "conv.weight": torch.float16,
        "conv.bias": torch.float32,
        "out.0.weight": torch.float32,
        "out.0.bias": torch.float32,
    }


def test_buffers_are_filled_too(tmp_path: Path) -> None:
    module = torch.nn.Module()
    module.register_buffer("freqs", torch.empty(3, device="meta"))
    with open_weights(save(tmp_path / "a.gguf", {"freqs": torch.ones(3)})) as source:
        assign(module, source, dtype_of=lambda name: torch.float32, device="cpu")
    assert torch.equal(module.get_buffer("freqs"), torch.ones(3))


@pytest.mark.parametrize("name", ["gg_flat_q4_0.gguf", "gg_origshape_mixed.gguf"])
def test_flattened_kernels_get_their_shape_back(data: Path, name: str) -> None:
    shapes = json.loads((data / "weights" / "shapes.json").read_text())["gg"]
    module = meta_module(shapes)
    with open_weights(data / "weights" / name) as source:
        facts = assign(module, source, dtype_of=lambda name: torch.float32, device="cpu")
        flat = source.read("decoder.conv_in.weight").view(-1)
        reshaped = sum(list(source.specs[n].shape) != shape for n, shape in shapes.items())
    assert torch.equal(module.get_parameter("decoder.conv_in.weight").view(-1), flat)
    assert {n: list(s) for n, s in expected_shapes(module).items()} == shapes
    assert facts.reshaped == reshaped


def changed(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """WEIGHTS with some replaced, added or, where None, left out; `__` in a name stands for a dot."""
    named = {name.replace("__", "."): tensor for name, tensor in changes.items()}
    return {name: tensor for name, tensor in {**WEIGHTS, **named}.items() if tensor is not None}


def damaged(value: float) -> torch.Tensor:
    tensor = WEIGHTS["conv.weight"].clone()
    tensor.view(-1)[-1] = value
    return tensor


MISFITS = {
    "missing": (
        changed(conv__weight=None, out__0__bias=None),
        "tensor conv.weight is missing (2 of 4 are); this is no whole SeedVR2 VAE file, download it again",
    ),
    "unexpected": (
        changed(extra=torch.ones(1), more=torch.ones(1)),
        "tensor extra is not expected (2 of 6 are not); give the right --config",
    ),
    "missing and unexpected": (
        changed(conv__bias=None, extra=torch.ones(1)),
        "tensor conv.bias is missing (1 of 4 are) and extra is not expected (1 are not); "
        "give the right --config",
    ),
    "another shape": (
        changed(conv__bias=torch.ones(8), conv__weight=torch.ones(8, 2, 3, 3, 3)),
        "tensor conv.weight: stored as (8, 2, 3, 3, 3), expected (4, 2, 3, 3, 3) (2 of 4 differ); "
        "give the right --config",
    ),
    "another file altogether": (
        {"encoder.conv_in.weight": torch.ones(8, 3, 3, 3)},
        "holds an image VAE (its kernels are 4-D), not a SeedVR2 VAE; give a SeedVR2 VAE file",
    ),
    "NaN": (
        changed(conv__weight=damaged(float("nan"))),
        "tensor conv.weight: 1 of 216 values are not finite; download it again",
    ),
    "infinity": (
        changed(conv__weight=damaged(float("-inf"))),
        "tensor conv.weight: 1 of 216 values are not finite; download it again",
    ),
    "too large for float16": (
        changed(conv__weight=damaged(-70_000)),
        "tensor conv.weight: 70,000 is too large for float16; give --dtype float32",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_one_line(tmp_path: Path, case: str) -> None:
    tensors, expected = MISFITS[case]
    path = tmp_path / "x.pth"
    torch.save(tensors, path)
    assert refusal(path, torch.float16) == expected


def test_integers_are_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save(changed(conv__weight=torch.ones(SHAPES["conv.weight"], dtype=torch.int8)), path)
    assert refusal(path) == "tensor conv.weight: type I8 cannot be read; take a float16 file"


def test_names_are_checked_before_any_data_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "x.gguf", changed(conv__bias=None))
    module = meta_module(SHAPES)
    with open_weights(path) as source, pytest.raises(WeightsError):
        assign(module, source, dtype_of=lambda name: torch.float32, device="cpu")
    assert all(parameter.is_meta for parameter in module.parameters())


MEASURE = """
import re, sys
from pathlib import Path
import torch
from seedvr2_cli.weights.assign import assign
from seedvr2_cli.weights.open import open_weights
from tests.weights.forge import meta_module

def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

highest = 0
def watched(name):
    global highest
    highest = max(highest, anonymous())
    return getattr(torch, sys.argv[2])

with open_weights(Path(sys.argv[1])) as source:
    module = meta_module({name: spec.shape for name, spec in source.specs.items()})
    before = anonymous()
    loaded = assign(module, source, dtype_of=watched, device="cpu").loaded_bytes
    print(max(highest, anonymous()) - before - loaded)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(("quant", "dtype"), [("F16", "float32"), ("Q8_0", "bfloat16")])
def test_loading_takes_little_more_memory_than_the_module(tmp_path: Path, quant: str, dtype: str) -> None:
    shapes = {f"{i}.weight": (256 + 16 * i, 128, 3, 3, 3) for i in range(16)}  # 2 to 7 MB in F16
    weights = {name: torch.ones(1).expand(shape) for name, shape in shapes.items()}
    path = save(tmp_path / "a.gguf", weights, dict.fromkeys(shapes, quant))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, path, dtype],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert int(run.stdout) < 20 << 20
