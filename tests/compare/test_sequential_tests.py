"""Sequential tests: e-values are fair for fair signs, and verdicts hold after any pair."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnn_cli.compare.sequential_tests import SequentialTest, compute_e_values, compute_equivalence_e_values
from tests.helpers.random_groups import compute_allowed_count
from tests.helpers.random_pairs import NAMES, count_different, count_equivalent, draw_differences, measure_settling
from tests.helpers.settings import RUN_ALL_CASES

COMPARISONS = 2000 if RUN_ALL_CASES else 300
SIZES = st.lists(st.sampled_from([0.0, 0.001, 0.002, 0.01, 0.5, 30.0, math.inf]), min_size=1, max_size=7)
DIFFERENCES = st.lists(st.integers(-6, 6).map(lambda count: count / 1000), min_size=1, max_size=15)


@given(SIZES, st.booleans())
def test_fair_signs_keep_the_mean_of_the_e_values_at_1(sizes, is_two_sided):
    signs = np.array([*itertools.product([-1.0, 1.0], repeat=len(sizes))])
    e_values = compute_e_values(signs * np.array(sizes), is_two_sided=is_two_sided)
    assert np.allclose(e_values.mean(0), 1, rtol=1e-9)


@given(DIFFERENCES)
def test_ties_change_nothing(differences):
    padded = [value for difference in differences for value in (0.0, difference, 0.0)]
    assert SequentialTest(tuple(padded)).p_value == pytest.approx(SequentialTest(tuple(differences)).p_value)


@given(DIFFERENCES, st.sampled_from([1e-9, 100.0, 1e9]))
def test_the_unit_and_the_order_of_the_sides_change_no_p_value(differences, factor):
    p_value = SequentialTest(tuple(differences)).p_value
    assert SequentialTest(tuple(factor * value for value in differences)).p_value == pytest.approx(p_value)
    assert SequentialTest(tuple(-value for value in differences)).p_value == pytest.approx(p_value)


@given(DIFFERENCES)
def test_an_interval_contains_0_unless_no_difference_is_rejected(differences):
    test = SequentialTest(tuple(differences), tolerance=1e-12)
    if test.interval is not None:
        low, high = test.interval
        assert (low <= 0 <= high) == (test.p_value > 0.05)
        assert low <= test.mean <= high


@given(DIFFERENCES, DIFFERENCES)
def test_a_p_value_never_increases_and_a_verdict_stays(earlier, later):
    before, after = (SequentialTest(tuple(values), 0.004, 1e-12) for values in (earlier, earlier + later))
    assert after.p_values[: len(earlier)] == pytest.approx(before.p_values)
    assert [*after.p_values] == sorted(after.p_values, reverse=True)
    if before.word != "undecided":
        assert (after.word, after.decided_pairs) == (before.word, before.decided_pairs)


@given(DIFFERENCES, st.sampled_from([None, 0.004]))
@example([-0.005, 0.0, 0.0, 0.0, 0.0, 0.0, 0.005, 0.006], 0.004)  # one side has rejected after six pairs
def test_no_verdict_is_possible_before_the_counted_pairs(differences, margin):
    test = SequentialTest(tuple(differences), margin, 1e-12)
    if test.word != "undecided":
        return
    fewer = test.count_pairs_to_verdict() - 1
    for best in (10.0, -10.0, 1e-6):
        assert SequentialTest((*differences, *[best] * fewer), margin, 1e-12).word == "undecided"


def test_six_equal_differences_are_the_fewest_for_a_verdict():
    assert SequentialTest(()).count_pairs_to_verdict() == 6
    assert SequentialTest((0.01,) * 5).word == "undecided"
    assert SequentialTest((0.01,) * 6).word == "larger"
    assert SequentialTest((-0.01,) * 6).word == "smaller"


def test_equal_scores_are_equivalent_and_an_unclear_difference_is_undecided():
    equal = SequentialTest((0.0,) * 8, 0.005)
    assert (equal.word, equal.decided_pairs, equal.interval) == ("equivalent", 5, (0.0, 0.0))
    unclear = SequentialTest((0.01, -0.01) * 4, 0.005)
    assert unclear.word == "undecided" and unclear.equivalence_p_value > 0.05
    assert SequentialTest((0.0,) * 8).word == "undecided"


def test_a_small_clear_difference_can_be_both_and_has_the_first_verdict():
    both = SequentialTest((0.001,) * 12, 0.005)
    assert both.word == "equivalent" and both.decided_pairs == 5 and both.p_value < 0.05


def test_lost_pairs_decide_by_their_direction():
    lost = SequentialTest((math.inf,) * 6, 0.005)
    assert (lost.word, lost.lost_pairs, lost.mean, lost.interval) == ("larger", 6, 0.0, None)
    mixed = SequentialTest((-0.001, *[math.inf] * 11), 0.005)
    assert mixed.word == "larger" and mixed.mean == -0.001
    assert compute_e_values(np.array([0.002, math.inf]))[1] == compute_e_values(np.array([0.002, 0.002]))[1]


@pytest.mark.parametrize("name", NAMES)
def test_false_verdicts_are_at_most_5_percent_after_any_pair(name):
    differences = draw_differences(name, np.random.default_rng(sum(map(ord, name)) + 1), COMPARISONS, 30)
    allowed = compute_allowed_count(COMPARISONS)
    assert count_different(differences) <= allowed
    assert count_equivalent(0.005 + differences, 0.005) <= allowed
    assert count_equivalent(-0.005 + differences, 0.005) <= allowed


def test_intervals_hold_the_true_difference_after_any_pair():
    differences = np.random.default_rng(0).normal(0.4, 1, (COMPARISONS, 30))
    assert count_different(differences - 0.4) <= compute_allowed_count(COMPARISONS)
    test = SequentialTest(tuple(differences[0].tolist()))
    low, high = test.interval
    for shift, is_inside in [(low - 0.01, False), (low + 0.01, True), (high - 0.01, True), (high + 0.01, False)]:
        assert ((compute_e_values(differences[0] - shift) < 20).all()) == is_inside


@pytest.mark.parametrize(("effect", "share", "most"), [(0.5, 0.38, 25.0), (1.0, 0.96, 13.0), (2.0, 1.0, 8.4)])
def test_power_and_number_of_pairs(effect, share, most):
    """Two deviations need 30% fewer pairs than a fixed number of 12."""
    decided, pairs = measure_settling(effect, 2000, 30)
    assert decided >= share and pairs <= most


def test_equivalence_needs_both_directions():
    differences = np.full((1, 10), 0.004)
    assert compute_equivalence_e_values(differences, 0.005).max() >= 20
    assert compute_equivalence_e_values(np.full((1, 10), 0.006), 0.005).max() < 1
