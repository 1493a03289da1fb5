import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.metrics.binomial import compute_confidence_interval, compute_tail_probability

COUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.floats(0, 1))
def test_tail_probabilities_equal_scipy(counts, share):
    successes, trials = counts
    assert compute_tail_probability(trials, share, slice(successes, None)) == pytest.approx(
        stats.binom.sf(successes - 1, trials, share), abs=1e-10
    )
    assert compute_tail_probability(trials, share, slice(successes + 1)) == pytest.approx(
        stats.binom.cdf(successes, trials, share), abs=1e-10
    )


@given(COUNTS.filter(lambda counts: counts[1]))
def test_confidence_intervals_equal_scipy(counts):
    expected = stats.binomtest(*counts).proportion_ci(0.95, "exact")
    assert compute_confidence_interval(*counts) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_intervals_of_many_trials_and_of_none():
    expected = stats.binomtest(31_000, 60_000).proportion_ci(0.95, "exact")
    assert compute_confidence_interval(31_000, 60_000) == pytest.approx((expected.low, expected.high), abs=1e-8)
    assert compute_confidence_interval(0, 0) == (0.5, 0.5)
