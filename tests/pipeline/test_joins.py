"""Windows give the latents that a plain mixture over the whole shot gives, in little memory."""

import gc
import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.base.errors import ShapeError
from seedvr2_cli.pipeline.joins import joined
from seedvr2_cli.plan.windows import Window, latent_windows, least_limit, older_weights


def plain(windows, results):
    """The same over the whole shot at once: every latent is the weighted sum of all windows that hold it."""
    total = torch.zeros(windows[-1].stop, *results[0].shape[1:], dtype=torch.float64)
    for index, (window, result) in enumerate(zip(windows, results, strict=True)):
        weights = torch.ones(window.latents, dtype=torch.float64)
        if index:
            shared = windows[index - 1].stop - window.start
            weights[:shared] = 1 - torch.tensor(older_weights(shared), dtype=torch.float64)
        if index + 1 < len(windows):
            shared = window.stop - windows[index + 1].start
            weights[window.latents - shared :] = torch.tensor(older_weights(shared), dtype=torch.float64)
        total[window.start : window.stop] += weights.view(-1, 1, 1, 1) * result
    return total


@st.composite
def cut_up(draw):
    share = draw(st.integers(0, 6))
    limit = draw(st.integers(least_limit(share), least_limit(share) + 10))
    return latent_windows(draw(st.integers(1, 80)), limit, share)


@given(cut_up(), st.integers(0, 1000))
def test_joined_windows_are_the_plain_mixture(windows, seed):
    generator = torch.Generator().manual_seed(seed)
    results = [torch.randn(window.latents, 2, 3, 16, generator=generator) for window in windows]
    whole = torch.cat(list(joined(windows, results)))
    torch.testing.assert_close(whole.double(), plain(windows, results), atol=1e-6, rtol=0)


@given(cut_up())
def test_windows_that_agree_are_joined_without_a_trace(windows):
    shot = torch.randn(windows[-1].stop, 2, 3, 16, generator=torch.Generator().manual_seed(1))
    whole = torch.cat(list(joined(windows, [shot[window.start : window.stop] for window in windows])))
    assert torch.equal(whole, shot)


@given(cut_up())
def test_latents_come_before_the_next_window_is_asked_for(windows):
    """After window k all latents before window k + 1 are there: the decoder need not wait."""
    asked = 0

    def results():
        nonlocal asked
        for window in windows:
            asked += 1
            yield torch.zeros(window.latents, 1, 1, 16)

    came = 0
    for piece in joined(windows, results()):
        came += len(piece)
        ahead = windows[asked].start if asked < len(windows) else windows[-1].stop
        assert came <= ahead
    assert (asked, came) == (len(windows), windows[-1].stop)


def test_a_past_window_is_let_go_before_the_next_is_made():
    windows = latent_windows(40, 8, 2)
    made: list[weakref.ref] = []

    def results():
        for window in windows:
            gc.collect()
            assert all(storage() is None for storage in made)
            result = torch.zeros(window.latents, 1, 1, 16)
            made.append(weakref.ref(result.untyped_storage()))
            yield result
            del result

    for piece in joined(windows, results()):
        assert len(piece)
        del piece
    assert len(made) == len(windows) > 5


def test_a_result_of_another_length_is_refused():
    with pytest.raises(ShapeError) as refused:
        list(joined((Window(0, 5), Window(3, 8)), [torch.zeros(5, 1, 1, 16), torch.zeros(4, 1, 1, 16)]))
    assert str(refused.value) == "4 latents for a window of 5"
