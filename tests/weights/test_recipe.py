"""The recipe weights are those of the fixtures. Checksums: fixtures/vae/README.md."""

import hashlib
import json
from pathlib import Path

import pytest

from seedvr2_cli.weights.recipe import recipe_tensor, recipe_tensors

CHECKSUMS = {  # full config, seed 1
    "decoder.conv_in.weight": "eb9baeb374a3757e97ccd288edd75bc0b395680348cce54d93ffe88c5f6c20f6",
    "encoder.mid_block.attentions.0.to_q.weight": (
        "350b8f9704c8d30fa9a33bce0dff13faa0483c24681e2f8086865d1cd66b8318"
    ),
    "decoder.conv_norm_out.weight": "860a67d795d0d3d83679ac1c0e559bd0f0c008cdb8570d669b52f1636d3e96ae",
}


@pytest.mark.parametrize("name", CHECKSUMS)
def test_tensors_have_the_published_checksums(data: Path, name: str) -> None:
    shape = json.loads((data / "weights" / "shapes.json").read_text())["full"][name]
    tensor = recipe_tensor(name, tuple(shape), seed=1)
    assert hashlib.sha256(tensor.astype("<f4").tobytes()).hexdigest() == CHECKSUMS[name]


def test_the_whole_tiny_state_dict_has_its_checksum(data: Path) -> None:
    shapes = json.loads((data / "weights" / "shapes.json").read_text())["tiny"]
    digest = hashlib.sha256()
    for name, tensor in recipe_tensors(shapes, seed=1):
        assert list(tensor.shape) == shapes[name]
        digest.update(tensor.astype("<f4").tobytes())
    assert digest.hexdigest() == "1fc153f51535af6a8bd510027575bb1fde6b443950267b99b8ab1c292d9ff281"


def test_a_long_tensor_begins_like_a_short_one() -> None:
    long, short = (recipe_tensor("a.bias", (count,), seed=3) for count in ((1 << 20) + 5, 7))
    assert long[:7].tolist() == short.tolist()


def test_a_factor_multiplies_the_finished_tensor() -> None:
    name = "encoder.conv_out.weight"
    plain = recipe_tensor(name, (2, 3, 1, 1, 1), seed=1)
    ((_, scaled),) = recipe_tensors({name: (2, 3, 1, 1, 1)}, seed=1, mul={name: 60.0})
    assert (scaled == plain * 60).all()
