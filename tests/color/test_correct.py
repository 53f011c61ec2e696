"""Color and strength as a run uses them: exact at both ends, and independent of how a shot is cut."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.base.choices import ColorMethod
from seedvr2_cli.base.errors import ShapeError, UsageError
from seedvr2_cli.color.blur import low
from seedvr2_cli.color.correct import METHODS, POOLED, Corrector
from seedvr2_cli.color.mix import mix
from seedvr2_cli.color.strength import Strength

PER_FRAME = [name for name in METHODS if name not in POOLED]


def clip(frames=5, height=24, width=40):
    """(content, reference) in [-1, 1]: two noises over a ramp."""
    made = torch.Generator().manual_seed(3)
    ramp = torch.linspace(-0.6, 0.6, width).expand(frames, 3, height, width)
    content, reference = (ramp + 0.2 * torch.randn(ramp.shape, generator=made) for _ in range(2))
    return (content * 0.9 + 0.1).clamp(-1, 1), reference.clamp(-1, 1)


@pytest.mark.parametrize("name", PER_FRAME)
def test_a_frame_does_not_depend_on_the_others(name):
    content, reference = clip()
    whole = METHODS[name](content, reference)
    alone = [METHODS[name](c, s) for c, s in zip(content.split(1), reference.split(1), strict=True)]
    assert torch.equal(whole, torch.cat(alone))


@pytest.mark.parametrize("name", ColorMethod)
@settings(max_examples=8)
@given(lengths=st.lists(st.integers(1, 4), min_size=1, max_size=5), pool=st.integers(1, 4))
def test_a_shot_in_any_pieces_gives_the_frames_of_the_whole(name, lengths, pool):
    content, reference = clip(sum(lengths), 16, 16)
    corrector = Corrector(method=name, pool=pool)
    pieces = zip(content.split(lengths), reference.split(lengths), strict=True)
    assert torch.equal(torch.cat(list(corrector.stream(pieces))), corrector.correct(content, reference))


@pytest.mark.parametrize("name", sorted(POOLED))
def test_a_pool_is_one_call_of_the_method(name):
    content, reference = clip(5)
    made = Corrector(method=name, pool=2).correct(content, reference)
    pools = [METHODS[name](content[i : i + 2], reference[i : i + 2]) for i in (0, 2, 4)]
    assert torch.equal(made, torch.cat(pools))


@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_written_into_the_frames_that_came(name):
    content, reference = clip(2)
    before = content.clone(), reference.clone()
    METHODS[name](content, reference)
    assert torch.equal(content, before[0])
    assert torch.equal(reference, before[1])


@pytest.mark.parametrize("name", [name for name in METHODS if name is not ColorMethod.ADAIN])
def test_frames_that_are_the_reference_stay_as_they_are(name):
    _, reference = clip(2)
    assert (METHODS[name](reference, reference) - reference).abs().max() < 1e-4


def test_auto_is_the_default_method_and_off_leaves_the_frames():
    content, reference = clip()
    made = {name: Corrector(method=name).correct(content, reference) for name in ColorMethod}
    assert torch.equal(made[ColorMethod.AUTO], made[ColorMethod.TRANSFER])
    assert torch.equal(made[ColorMethod.OFF], content)


def test_frames_of_16_bits_are_corrected_in_float32():
    content, reference = clip(1)
    made = Corrector().correct(content.half(), reference)
    assert made.dtype == torch.float32
    assert torch.equal(made, Corrector().correct(content.half().float(), reference))


def test_strength_1_is_the_restoration_and_0_the_input_exactly():
    content, reference = clip()
    assert mix(Strength.parse("1"), content, reference) is content
    assert mix(Strength.parse("1,1,1"), content, reference) is content
    assert torch.equal(mix(Strength.parse("0"), content, reference), reference)
    assert torch.equal(mix(Strength.parse("0,0,0"), content, reference), reference)


def test_one_number_is_the_same_share_of_every_band():
    content, reference = clip(1)
    assert Strength.parse("0.7") == Strength.parse("0.7,0.7,0.7") == Strength(0.7, 0.7, 0.7)
    mixed = mix(Strength.parse("0.7"), content, reference)
    assert (mixed - (0.3 * reference + 0.7 * content)).abs().max() < 1e-6


def test_each_band_takes_its_share():
    content, reference = clip(2, 150, 160)
    change = content - reference
    bands = {
        "1,0,0": low(change, 5),
        "0,1,0": low(change, 3) - low(change, 5),
        "0,0,1": change - low(change, 3),
    }
    for text, band in bands.items():
        assert (mix(Strength.parse(text), content, reference) - (reference + band)).abs().max() < 1e-6
    assert (sum(bands.values()) - change).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1.5", "--strength: 1.5 is no share; give 0 to 1"),
        ("-0.1", "--strength: -0.1 is no share; give 0 to 1"),
        ("nan", "--strength: nan is no share; give 0 to 1"),
        ("1,1,2", "--strength: 2 is no share; give 0 to 1"),
        ("much", "--strength: 'much' is no strength; give 0 to 1, or LOW,MID,HIGH such as 1,1,0.5"),
        ("1,0.5", "--strength: '1,0.5' is no strength; give 0 to 1, or LOW,MID,HIGH such as 1,1,0.5"),
        ("", "--strength: '' is no strength; give 0 to 1, or LOW,MID,HIGH such as 1,1,0.5"),
    ],
)
def test_what_is_no_strength_is_one_line(text, line):
    with pytest.raises(UsageError) as error:
        Strength.parse(text)
    assert str(error.value) == line


def test_frames_of_two_sizes_and_empty_pools_are_refused():
    with pytest.raises(ShapeError) as error:
        Corrector().correct(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
    assert str(error.value) == "color for frames of (1, 3, 4, 4) from (1, 3, 4, 5)"
    with pytest.raises(UsageError) as error:
        Corrector(pool=0)
    assert str(error.value) == "color pool: 0 frames hold no color; give 1 or more"
