import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.compare.resampling import sign_flip_test
from dnn_cli.compare.statistics import ALPHA, Difference, fewest_seeds, holm, lowest_p, seeds_needed, spread

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def slow_holm(p_values):
    """Each p-value times how many are at least as large, and no less than any before it."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    steps = [min(1.0, p_values[index] * (len(order) - rank)) for rank, index in enumerate(order)]
    return {index: max(steps[: rank + 1]) for rank, index in enumerate(order)}


@given(P_VALUES)
def test_holm_is_stepwise_bonferroni(p_values):
    expected = slow_holm(p_values)
    assert holm(p_values, len(p_values)) == [expected[index] for index in range(len(p_values))]


@given(P_VALUES, st.data())
def test_a_part_of_a_family_gets_no_less_than_in_the_whole(p_values, data):
    part = data.draw(st.lists(st.sampled_from(range(len(p_values))), unique=True))
    whole = slow_holm(p_values)
    found = holm([p_values[index] for index in part], len(p_values))
    assert all(ours >= whole[index] for ours, index in zip(found, part, strict=True))


def test_holm_passes_over_what_was_not_tested():
    assert holm([None, 0.01, None, 0.02], 3) == [None, 0.03, None, 0.04]
    assert holm([], 3) == []


@pytest.mark.parametrize(
    ("design", "comparisons", "fewest"),
    [("paired", 1, 6), ("paired", 2, 7), ("paired", 3, 7), ("paired", 6, 8), ("paired", 7, 9), ("paired", 409, 14),
     ("paired", 410, None), ("unpaired", 1, 4), ("unpaired", 3, 5), ("unpaired", 6, 5)],
)  # fmt: skip
def test_so_many_seeds_can_show_anything(design, comparisons, fewest):
    assert fewest_seeds(design, comparisons) == fewest
    if fewest:
        sizes = [fewest] if design == "paired" else [fewest, fewest]
        fewer = [size - 1 for size in sizes]
        assert lowest_p(*sizes) * comparisons <= ALPHA < lowest_p(*fewer) * comparisons


def difference(mean, spread=1.0, design="paired"):
    return Difference(design, mean, None, (0.0, 0.0), 0.5, 0.01, (8, 8), spread)


@pytest.mark.parametrize("comparisons", [1, 3])
@pytest.mark.parametrize("effect", [0.5, 0.8, 1.2])
def test_so_many_seeds_find_a_difference_in_four_of_five_cases(effect, comparisons):
    seeds = seeds_needed(difference(effect), comparisons)
    drawn = np.random.default_rng(0).normal(effect, 1, (1000, seeds))
    power = (sign_flip_test(drawn) * comparisons <= ALPHA).mean()
    assert 0.75 < power < 0.9


@given(st.floats(0.05, 5), st.floats(0.05, 5), st.integers(1, 30), st.sampled_from(["paired", "unpaired"]))
def test_a_larger_difference_needs_no_more_seeds_and_more_comparisons_no_fewer(one, other, comparisons, design):
    small, large = sorted([one, other])
    of_small, of_large, of_more = (
        seeds_needed(difference(mean, design=design), many) or math.inf
        for mean, many in [(small, comparisons), (large, comparisons), (small, comparisons + 1)]
    )
    assert fewest_seeds("paired", comparisons) <= of_large <= of_small <= of_more


@pytest.mark.parametrize(
    ("given", "comparisons", "seeds"),
    [
        pytest.param(difference(0.0), 1, None, id="no difference"),
        pytest.param(difference(1e-3), 1, None, id="too small to matter"),
        pytest.param(difference(1e-200), 1, None, id="next to none"),
        pytest.param(difference(-3.0), 1, 6, id="large, to the other side"),
        pytest.param(difference(0.1, spread=0.0), 3, 7, id="the same in every seed"),
        pytest.param(difference(3.0), 1000, None, id="too many comparisons"),
    ],
)
def test_seeds_that_are_advised(given, comparisons, seeds):
    assert seeds_needed(given, comparisons) == seeds


@given(st.lists(st.floats(-1e6, 1e6), max_size=9))
def test_a_spread_is_that_of_a_sample(values):
    found = spread(values)
    assert (found is None) == (len(values) < 2)
    if found is not None:
        assert found == pytest.approx(np.std(values, ddof=1), abs=1e-9)
