import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.compare.significance import (
    ALPHA,
    MeanDifference,
    choose_test,
    compute_min_p_value,
    compute_needed_seeds,
    compute_standard_deviation,
    correct_by_holm,
    find_min_exact_seeds,
)
from dnn_cli.compare.t_tests import run_paired_t_test

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def compute_holm_slowly(p_values):
    """Each p-value times how many are at least as large, and no less than any before it."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    steps = [min(1.0, p_values[index] * (len(order) - rank)) for rank, index in enumerate(order)]
    return {index: max(steps[: rank + 1]) for rank, index in enumerate(order)}


@given(P_VALUES)
def test_holm_is_stepwise_bonferroni(p_values):
    expected = compute_holm_slowly(p_values)
    assert correct_by_holm(p_values, len(p_values)) == [expected[index] for index in range(len(p_values))]


@given(P_VALUES, st.data())
def test_holm_of_a_subset_is_not_below_that_of_all(p_values, data):
    subset = data.draw(st.lists(st.sampled_from(range(len(p_values))), unique=True))
    expected = compute_holm_slowly(p_values)
    corrected = correct_by_holm([p_values[index] for index in subset], len(p_values))
    assert all(ours >= expected[index] for ours, index in zip(corrected, subset, strict=True))


def test_holm_ignores_missing_p_values():
    assert correct_by_holm([None, 0.01, None, 0.02], 3) == [None, 0.03, None, 0.04]
    assert correct_by_holm([], 3) == []


@pytest.mark.parametrize(
    ("comparisons", "seeds"), [(1, 6), (2, 7), (3, 7), (6, 8), (7, 9), (28, 11), (409, 14), (410, None)]
)
def test_seeds_that_an_exact_test_needs(comparisons, seeds):
    assert find_min_exact_seeds(comparisons) == seeds
    if seeds:
        assert compute_min_p_value(seeds) * comparisons <= ALPHA < compute_min_p_value(seeds - 1) * comparisons


@pytest.mark.parametrize(
    ("sizes", "comparisons", "test"),
    [
        ((1,), 1, "none"), ((1, 5), 1, "none"), ((2,), 1, "exact"), ((3,), 1, "student"), ((5,), 1, "student"),
        ((6,), 1, "exact"), ((6,), 6, "student"), ((8,), 6, "exact"), ((3, 3), 1, "student"), ((4, 4), 1, "exact"),
        ((2, 5), 6, "exact"), ((3, 5), 6, "student"),
    ],
    ids=str,
)  # fmt: skip
def test_choice_of_the_test(sizes, comparisons, test):
    assert choose_test(sizes, comparisons) == test
    assert choose_test(sizes, comparisons, needs_exact=True) == ("none" if test == "none" else "exact")


def build_difference(mean, spread=1.0, design="paired"):
    return MeanDifference(design, "student", mean, None, (0.0, 0.0), 0.5, 0.01, (3, 3), spread)


@pytest.mark.parametrize("comparisons", [1, 6])
@pytest.mark.parametrize("effect", [0.5, 1.2, 4.0])
def test_needed_seeds_have_80_percent_power(effect, comparisons):
    seeds = compute_needed_seeds(build_difference(effect), comparisons)
    differences = np.random.default_rng(0).normal(effect, 1, (4000, seeds))
    power = (run_paired_t_test(differences, 0.0)[0] * comparisons <= ALPHA).mean()
    fewer = (run_paired_t_test(differences[:, :-1], 0.0)[0] * comparisons <= ALPHA).mean() if seeds > 3 else 0
    assert fewer < 0.82
    assert power > 0.78


@given(st.floats(0.05, 5), st.floats(0.05, 5), st.integers(1, 30), st.booleans())
def test_needed_seeds_are_monotonic(first, second, comparisons, exact):
    small, large = sorted([first, second])
    of_small, of_large, of_more = (
        compute_needed_seeds(build_difference(mean), count, needs_exact=exact) or math.inf
        for mean, count in [(small, comparisons), (large, comparisons), (small, comparisons + 1)]
    )
    assert (find_min_exact_seeds(comparisons) if exact else 3) <= of_large <= of_small <= of_more


@pytest.mark.parametrize(
    ("observed", "comparisons", "seeds"),
    [
        pytest.param(build_difference(0.0), 1, None, id="no difference"),
        pytest.param(build_difference(1e-3), 1, None, id="too small to matter"),
        pytest.param(build_difference(1e-200), 1, None, id="next to none"),
        pytest.param(build_difference(-8.0), 6, 4, id="large, to the other side"),
        pytest.param(build_difference(0.1, spread=0.0), 3, 3, id="equal in every seed"),
    ],
)
def test_advised_number_of_seeds(observed, comparisons, seeds):
    assert compute_needed_seeds(observed, comparisons) == seeds


@given(st.lists(st.floats(-1e6, 1e6), max_size=9))
def test_standard_deviation_is_that_of_a_sample(values):
    spread = compute_standard_deviation(values)
    assert (spread is None) == (len(values) < 2)
    if spread is not None:
        assert spread == pytest.approx(np.std(values, ddof=1), abs=1e-9)
