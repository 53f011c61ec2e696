"""Every intermediate of one frame is the published one."""

from pathlib import Path

import pytest

from seedvr2_cli.dit.block import run_block
from seedvr2_cli.dit.condition import time_embedding
from seedvr2_cli.dit.load import load_dit
from tests.dit.conftest import read_case, write_recipe

TOLERANCE = 2e-5


@pytest.mark.parametrize("name", ["3b_tiny_image", "7b_tiny_image"])
def test_the_streams_after_every_block(dit_data: Path, tmp_path: Path, name: str) -> None:
    case = read_case(dit_data / f"{name}.safetensors")
    dit = load_dit(write_recipe(tmp_path / "model.safetensors", case.config, case["seed"]))
    condition = dit.condition(case.tensors["text"], case["timestep"])
    embedding = time_embedding(dit.tensor, case["timestep"]).view(1, -1)
    assert (embedding - case.tensors["act.emb"]).abs().max() <= TOLERANCE
    assert (condition.text - case.tensors["act.txt_in"]).abs().max() <= TOLERANCE
    video, text = dit.enter(case.tensors["x"]), condition.text
    assert (video - case.tensors["act.vid_in"]).abs().max() <= TOLERANCE
    t, h, w = case["size"]
    plans = dit.block_plans((t, h // 2, w // 2), len(text))
    for layer, weights in enumerate(dit.blocks):
        text = run_block(plans[layer % 2], weights, condition.blocks[layer], video, text)
        assert (video - case.tensors[f"act.block{layer}.vid"]).abs().max() <= TOLERANCE
        if weights.text_rest is not None:
            assert (text - case.tensors[f"act.block{layer}.txt"]).abs().max() <= TOLERANCE
    assert (dit.leave(video, condition) - case.tensors["act.head_in"]).abs().max() <= TOLERANCE
