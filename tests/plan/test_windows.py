"""Windows of a shot: few, balanced, shared by two at most, and mixed with weights that sum to one."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.plan.shots import Shot, shots_of
from seedvr2_cli.plan.windows import (
    TimePlan,
    Window,
    frames_of,
    latent_windows,
    least_limit,
    older_weights,
)


@st.composite
def cut_up(draw):
    """(latents, limit, share) that can be done."""
    share = draw(st.integers(0, 12))
    limit = draw(st.integers(least_limit(share), least_limit(share) + 40))
    return draw(st.integers(1, 400)), limit, share


@given(cut_up())
def test_windows_cover_all_are_balanced_and_fit(case):
    latents, limit, share = case
    windows = latent_windows(*case)
    assert (windows[0].start, windows[-1].stop) == (0, latents)
    assert max(window.latents for window in windows) <= limit
    assert len({window.latents for window in windows}) == 1
    for older, newer in pairwise(windows):
        assert older.stop - newer.start in (share, share + 1)


@given(cut_up())
def test_no_latent_is_in_three_windows(case):
    windows = latent_windows(*case)
    for older, newer in zip(windows, windows[2:], strict=False):
        assert older.stop <= newer.start


@given(cut_up())
def test_one_window_less_would_not_fit(case):
    latents, limit, share = case
    count = len(latent_windows(*case))
    assert count == 1 or (count - 1) * limit - (count - 2) * share < latents


@given(cut_up())
def test_the_weights_on_every_latent_sum_to_one(case):
    windows = latent_windows(*case)
    totals = [0.0] * case[0]
    for index, window in enumerate(windows):
        weights = [1.0] * window.latents
        if index:
            shared = windows[index - 1].stop - window.start
            weights[:shared] = [1 - weight for weight in older_weights(shared)]
        if index + 1 < len(windows):
            shared = window.stop - windows[index + 1].start
            weights[window.latents - shared :] = older_weights(shared)
        for offset, weight in enumerate(weights):
            totals[window.start + offset] += weight
    assert totals == pytest.approx([1.0] * case[0])


def test_the_older_window_fades_out_along_a_line():
    assert older_weights(2) == pytest.approx((2 / 3, 1 / 3))
    assert older_weights(3) == (0.75, 0.5, 0.25)
    assert older_weights(0) == ()


def test_a_long_shot_is_cut_as_the_specification_says():
    """21 latents, at most 8 in a window, 2 shared: 4 windows of 7, where 4 of 8, 8, 8 and 3 would fit too."""
    assert latent_windows(21, 8, 2) == (Window(0, 7), Window(4, 11), Window(9, 16), Window(14, 21))


def test_what_fits_is_one_window_however_small_the_limit():
    assert latent_windows(3, 3, 2) == (Window(0, 3),)


def test_a_window_that_cannot_fit_is_refused_with_the_numbers():
    with pytest.raises(UsageError) as refused:
        latent_windows(9, 4, 2)
    assert str(refused.value) == (
        "--window: 4 latents (13 frames) are too few to share 2 with both neighbours; "
        "give at least 29 frames, or a smaller --overlap"
    )
    with pytest.raises(UsageError) as refused:
        latent_windows(9, 3, 0)
    assert str(refused.value) == (
        "--window: 3 latents (9 frames) are too few to share 0 with both neighbours; give at least 13 frames"
    )
    with pytest.raises(UsageError) as refused:
        latent_windows(9, 8, -1)
    assert str(refused.value) == "--overlap: -1 latents cannot be shared; give 0 or more"


def test_the_least_limit_is_the_specifications_where_that_suffices():
    """Up to a share of 5 it is 2 (share + 2); beyond, that lets three windows meet."""
    for share in range(30):
        assert least_limit(share) >= 2 * (share + 2)
        assert (least_limit(share) == 2 * (share + 2)) == (share <= 5)
    assert least_limit(8) == 22
    # what 2 (share + 2) = 20 would give for 33 latents: the third begins before the first ends
    length = -(-(33 + 2 * 8) // 3)
    assert 33 - length < length


PLAN = TimePlan(shots_of([23, 70], 240), limit=12, share=2)


def test_a_plan_lists_its_units_in_order():
    units = PLAN.units
    assert [(unit.shot_index, unit.window_index) for unit in units] == [
        (0, 0),
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
        (2, 2),
        (2, 3),
        (2, 4),
    ]
    assert [unit.key for unit in units[:3]] == ["f0-23.l0-7", "f23-70.l0-8", "f23-70.l5-13"]
    assert units == TimePlan(PLAN.shots, limit=12, share=2).units


def test_a_cut_elsewhere_leaves_the_key_of_a_unit_as_it_is():
    more = replace(PLAN, shots=shots_of([10, 23, 70], 240))
    keys, others = ({unit.key for unit in plan.units} for plan in (PLAN, more))
    assert keys - others == {"f0-23.l0-7"}
    assert len(keys) == len(PLAN.units)


def test_a_plan_refuses_what_it_could_not_carry_out():
    with pytest.raises(UsageError, match="--window: 4 latents"):
        TimePlan(PLAN.shots, limit=4, share=2)
    with pytest.raises(UsageError) as refused:
        TimePlan((Shot(0, 5), Shot(6, 9)), limit=8, share=2)
    assert str(refused.value) == "a shot of the frames 6 to 9 cannot follow 5"


def test_frames_of_a_window_are_counted_as_the_vae_does():
    assert [frames_of(latents) for latents in (1, 2, 21)] == [1, 5, 81]
