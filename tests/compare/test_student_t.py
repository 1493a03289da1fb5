import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.compare.student_t import power, quantile, two_sided_p

FREEDOM = st.floats(2, 500)


@given(st.floats(-1e4, 1e4), FREEDOM)
def test_p_values_equal_scipys(t, freedom):
    expected = 2 * stats.t.sf(abs(t), freedom)
    assert float(two_sided_p(np.array(t), np.array(freedom))) == pytest.approx(expected, rel=1e-6, abs=1e-250)


@given(st.floats(1e-6, 0.99), FREEDOM)
def test_quantiles_equal_scipys(level, freedom):
    assert float(quantile(level, np.array(freedom))) == pytest.approx(stats.t.ppf(1 - level / 2, freedom), rel=1e-6)


@given(st.floats(0.1, 12), st.integers(3, 60), st.sampled_from([0.05, 0.05 / 6, 0.05 / 28]))
def test_power_equals_that_of_the_noncentral_t_distribution(effect, pairs, level):
    limit = stats.t.ppf(1 - level / 2, pairs - 1)
    expected = stats.nct.sf(limit, pairs - 1, effect * np.sqrt(pairs))
    assert power(effect, pairs, level) == pytest.approx(expected, abs=1e-5)


def test_arrays_of_any_shape_are_accepted():
    t, freedom = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[2.0, 3.0], [4.5, 60.0]])
    assert two_sided_p(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom))
