"""Unit points of trials."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.config.search_spaces import parse_tuned_keys
from dnn_cli.study.unit_points import draw_unit_points, place_trial


@given(st.integers(1, 60), st.integers(0, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_more_points_and_dimensions_keep_earlier_points(count, more, dimensions, seed):
    points = draw_unit_points(count, dimensions, seed)
    longer = draw_unit_points(count + more, dimensions + 1, seed)
    assert points.shape == (count, dimensions)
    assert np.array_equal(longer[:count, :dimensions], points)
    assert np.array_equal(draw_unit_points(more, dimensions, seed, skip=count), longer[count:, :dimensions])
    assert ((points >= 0) & (points < 1)).all()


def test_points_are_evenly_distributed_and_depend_on_the_seed():
    points = draw_unit_points(16, 2, 0)
    assert sorted(np.floor(16 * points[:, 0])) == list(range(16))
    assert not np.array_equal(points, draw_unit_points(16, 2, 1))


def test_older_scipy_gets_the_seed_by_its_earlier_name(monkeypatch):
    from scipy.stats import qmc

    expected = draw_unit_points(5, 2, 3)
    newer = qmc.Halton
    monkeypatch.setattr(qmc, "Halton", lambda d, *, scramble, seed: newer(d, scramble=scramble, rng=seed))
    assert np.array_equal(draw_unit_points(5, 2, 3), expected)


def test_trial_has_a_value_for_each_key():
    space = parse_tuned_keys(["lr=log(1e-4, 1)", "optimizer.momentum=1-log(0.01, 1)", "batch_size=int(1, 4)"])
    setting = place_trial(space, [0.5, 0.5, 0.99, 0.7])
    assert setting == {"optimizer.learning_rate": "0.01", "optimizer.momentum": "0.9", "batch_size": "4"}
    with pytest.raises(ValueError, match="as many coordinates"):
        place_trial(space, [0.5])
