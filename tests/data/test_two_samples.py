"""Tests of two samples agree with those of SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.data.two_samples import compare_distributions, compare_shares


@pytest.mark.parametrize("shift", [0, 0.3, 1])
@pytest.mark.parametrize("sizes", [(40, 25), (400, 100)])
def test_distributions_are_compared_as_by_scipy(shift, sizes):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=sizes[0]), rng.normal(size=sizes[1]) + shift
    difference, chance = compare_distributions(first, second)
    expected = stats.ks_2samp(first, second, method="exact")
    assert difference == pytest.approx(expected.statistic)
    # The first term of the asymptotic series is an upper bound, apart from the error of the correction.
    assert 0.8 * expected.pvalue <= chance <= max(1.6 * expected.pvalue, 1e-12)


def test_empty_samples_do_not_differ():
    assert compare_distributions(np.zeros(0), np.arange(5.0)) == (0.0, 1.0)


TOTALS = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda totals: st.tuples(st.integers(0, totals[0]), st.just(totals[0]), st.integers(0, totals[1]),
                             st.just(totals[1]))
)  # fmt: skip


@given(TOTALS)
@settings(max_examples=30)
def test_shares_are_compared_as_by_scipy(counts):
    first, first_total, second, second_total = counts
    total, marked = first_total + second_total, first + second
    distribution = stats.hypergeom(total, marked, first_total)
    expected = min(1.0, 2 * min(distribution.cdf(first), distribution.sf(first - 1)))
    assert compare_shares(*counts) == pytest.approx(expected, abs=1e-9)
