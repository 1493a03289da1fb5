"""Accuracies are exact fractions again; other scores have a tolerance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.compare.score_resolution import compute_resolution, to_exact_fraction


@given(st.integers(1, 60_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_stored_accuracy_becomes_an_exact_fraction(counts):
    correct, examples = counts
    stored = float(np.float32(correct) / np.float32(examples))
    assert to_exact_fraction(stored, examples) == correct / examples


@pytest.mark.parametrize(("score", "examples"), [(0.8812, 288), (0.5, 0), (1.5e-3, 10)], ids=str)
def test_other_scores_are_unchanged(score, examples):
    assert to_exact_fraction(score, examples) == score


def test_step_of_accuracies_is_one_example():
    precision = compute_resolution([280 / 288, 281 / 288], [288, 288])
    assert precision.step == 1 / 288
    assert precision.tolerance < 1e-14


def test_step_of_losses_is_a_millionth_of_the_largest():
    precision = compute_resolution([0.5, 2.0], [0, 0])
    assert precision.step == pytest.approx(2e-6)
    assert 2.0 * 2**-24 < precision.tolerance < 2e-6


def test_step_of_epochs_is_one():
    assert compute_resolution([3.0, 5.0], [288, 288], 1.0).step == 1.0


def test_rounded_equal_accuracies_are_ties(scored_runs):
    """Two runs of 280 of 288 examples differ by nothing, however their float32 was computed."""
    data = {"dataset": "digits", "fingerprint": "sha256:0", "validation": 288}
    scored_runs.add("adam", tuple(float(np.float32(280 / 288)) for _ in range(6)), data=data)
    scored_runs.add("sgd", tuple(280 / 288 + 1e-9 for _ in range(6)), "optimizer=sgd", data=data)
    (verdict,) = scored_runs.compare().verdict_set.verdicts
    assert (verdict.difference.mean, verdict.difference.p_value) == (0.0, 1.0)
