"""Names and shapes of others, brought to the published ones."""

import json
from pathlib import Path

import pytest

from seedvr2_cli.weights.names import canonical_names, fit_shape
from seedvr2_cli.weights.open import open_weights
from seedvr2_cli.weights.source import TensorSpec

RENAMED = {
    "nothing to do": (["encoder.conv_in.weight"], ["encoder.conv_in.weight"]),
    "a prefix": (["vae.a.weight", "vae.b.weight"], ["a.weight", "b.weight"]),
    "prefixes one after another": (["module.first_stage_model.a"], ["a"]),
    "most have it": (
        ["model.diffusion_model.a", "model.diffusion_model.b", "positive_conditioning"],
        ["a", "b", "positive_conditioning"],
    ),
    "few have it": (["vae.a", "b", "c"], ["vae.a", "b", "c"]),
    "two would become one": (["vae.a", "vae.b", "a"], ["vae.a", "vae.b", "a"]),
    "nothing would be left": (["vae.", "vae.b"], ["vae.", "vae.b"]),
    "old attention names": (
        [f"encoder.mid_block.attentions.0.{old}.bias" for old in ("query", "key", "value", "proj_attn")],
        [f"encoder.mid_block.attentions.0.{new}.bias" for new in ("to_q", "to_k", "to_v", "to_out.0")],
    ),
    "a key elsewhere": (["tokens.key.weight"], ["tokens.key.weight"]),
    "old and new at once": (
        ["attentions.0.key.bias", ".attentions.0.key.bias", ".attentions.0.to_k.bias"],
        ["attentions.0.key.bias", ".attentions.0.key.bias", ".attentions.0.to_k.bias"],
    ),
}


@pytest.mark.parametrize("case", RENAMED)
def test_names_become_the_published_ones(case: str) -> None:
    stored, expected = RENAMED[case]
    assert canonical_names(stored) == dict(zip(expected, stored, strict=True))


CONV, LINEAR, VECTOR = (64, 32, 3, 3, 3), (64, 128), (512,)
FITS = {
    "a kernel as it is": (CONV, CONV, True),
    "a kernel in rows of 256": ((216, 256), CONV, True),
    "a kernel as (O, rest)": ((64, 864), CONV, True),
    "a kernel as one row": ((55296,), CONV, True),
    "a kernel with O and I merged": ((2048, 3, 3, 3), CONV, True),
    "a kernel of 1 x 1 x 1 as a matrix": ((64, 32), (64, 32, 1, 1, 1), True),
    "a kernel with the channels last": ((64, 3, 3, 3, 32), CONV, False),
    "a kernel with its dimensions reversed": (CONV[::-1], CONV, False),
    "a kernel with I and O swapped": ((32, 64, 3, 3, 3), CONV, False),
    "a kernel of an image": ((64, 32, 3, 3), (64, 32, 1, 3, 3), False),
    "a kernel in rows of 128": ((432, 128), CONV, False),
    "a smaller kernel": ((64, 32, 1, 3, 3), CONV, False),
    "a matrix as it is": (LINEAR, LINEAR, True),
    "a matrix in rows of 256": ((32, 256), LINEAR, True),
    "a matrix as one row": ((8192,), LINEAR, True),
    "a transposed matrix": ((128, 64), LINEAR, False),
    "a transposed matrix that has rows of 256": ((64, 256), (256, 64), False),
    "a vector as it is": (VECTOR, VECTOR, True),
    "a vector in rows of 256": ((2, 256), VECTOR, False),
    "a longer vector": ((513,), VECTOR, False),
}


@pytest.mark.parametrize("case", FITS)
def test_only_known_forms_of_a_shape_fit(case: str) -> None:
    stored, expected, fits = FITS[case]
    spec = TensorSpec("x", stored, "F16", 0, 0)
    assert fit_shape(spec, expected) == (expected if fits else None)


def test_every_form_of_the_flattened_fixture_fits(data: Path) -> None:
    expected = json.loads((data / "weights" / "shapes.json").read_text())["gg"]
    with open_weights(data / "weights" / "gg_flat_q4_0.gguf") as source:
        assert set(source.specs) == set(expected)
        misfits = [n for n, shape in expected.items() if not fit_shape(source.specs[n], tuple(shape))]
        ranks = {len(source.specs[name].shape) for name, shape in expected.items() if len(shape) == 5}
    assert misfits == []
    assert ranks == {1, 2, 4}
