"""False verdicts on cross-validated groups, on few data sets: `tests/stress/folds.py` measures more."""

import numpy as np
import pytest

from tests.helpers.fold_groups import (
    EXAMPLES,
    has_fold_verdict,
    has_uncorrected_verdict,
    make_fold_groups,
    score_halves,
)
from tests.helpers.random_groups import compute_allowed_count

DATASETS = 200


@pytest.mark.parametrize(("folds", "repetitions"), [(5, 1), (5, 3)], ids=str)
def test_equally_useful_features_seldom_get_a_verdict(folds, repetitions):
    chance = np.random.default_rng(folds + repetitions)
    pairs = [score_halves(chance, folds, repetitions) for _ in range(DATASETS)]
    wrong = sum(has_fold_verdict(make_fold_groups(pair, folds, EXAMPLES), EXAMPLES // folds) for pair in pairs)
    assert wrong <= compute_allowed_count(DATASETS)
    # Without the correction, repetitions look like new evidence.
    assert repetitions == 1 or sum(map(has_uncorrected_verdict, pairs)) > compute_allowed_count(DATASETS)


def test_a_real_difference_is_found():
    chance = np.random.default_rng(0)
    scores = chance.normal(0.8, 0.02, (2, 10)) + np.array([[0.0], [0.1]])
    assert has_fold_verdict(make_fold_groups(scores, 10, EXAMPLES))
