"""What is planned for cards: what fits, in which memory; the numbers are estimates, no card is needed."""

import pytest
import torch

from seedvr2_cli.base.errors import DeviceError
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.slot_convs import PLAIN_CHOICE
from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.engine.plan import Plan, Wanted, choose_way

GIB = 1 << 30
CARD = torch.device("cuda")
FULL_HD, UHD = (1920, 1088), (3840, 2160)


def planned(size: tuple[int, int], gib: float, **more: object) -> Plan:
    wanted = Wanted(size=size, alone=False, encodes=False, decodes=True, budget=int(gib * GIB), **more)
    return choose_way(VAEConfig(), torch.float16, CARD, wanted, PLAIN_CHOICE, PlainKernels(CARD))


@pytest.mark.parametrize(
    ("size", "gib"), [(FULL_HD, 24), (FULL_HD, 12), (FULL_HD, 6), (FULL_HD, 3), (UHD, 12)]
)
def test_the_goals_of_1080p_and_4k_fit_by_the_estimate(size, gib):
    plan = planned(size, gib)
    assert plan.bytes <= gib * GIB
    assert (plan.host_bytes == 0) == (plan.way.parks is None)


def test_no_more_goes_to_host_memory_than_must():
    plans = [planned(FULL_HD, gib) for gib in (24, 12, 6)]
    assert plans[0].host_bytes == 0 < plans[1].host_bytes < plans[2].host_bytes
    assert plans[1].way.parks > plans[2].way.parks  # the largest first


def test_a_picture_and_half_the_memory_in_codes():
    wanted = Wanted(size=FULL_HD, alone=True, encodes=False, decodes=True, budget=6 * GIB)
    assert choose_way(VAEConfig(), torch.float16, CARD, wanted).host_bytes == 0
    whole, coded = (planned(FULL_HD, 6, codes_memory=codes).host_bytes for codes in (False, True))
    assert coded < 0.6 * whole


def test_host_memory_has_a_budget_too():
    assert planned(FULL_HD, 12, host_budget=10 * GIB).host_bytes <= 10 * GIB
    with pytest.raises(DeviceError, match="too little"):
        planned(FULL_HD, 6, host_budget=4 * GIB)


def test_files_take_the_place_of_host_memory(tmp_path):
    plan = planned(FULL_HD, 6, host_budget=0, folder=tmp_path)
    assert plan.host_bytes == 0
    assert plan.way.cache_folder == tmp_path
    assert "files" in plan.reason
