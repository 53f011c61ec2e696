"""Variants are timed in turn, and compared round by round."""

from seedvr2_cli.bench.timing import Times, interleaved, ratio


def test_variants_run_in_turn_after_one_uncounted_run():
    order: list[str] = []
    times = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert "".join(order) == "ab" + "ab" * 3
    assert {name: len(taken.seconds) for name, taken in times.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    slow, fast = Times((2.0, 30.0, 4.0)), Times((1.0, 10.0, 4.0))
    assert ratio(slow, fast) == 2.0
    assert (slow.median, slow.spread) == (4.0, (2.0, 30.0))
