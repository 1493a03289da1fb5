import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.metrics.binomial import confidence_interval, tail

COUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.floats(0, 1))
def test_tails_equal_scipys(counts, share):
    successes, trials = counts
    assert tail(trials, share, slice(successes, None)) == pytest.approx(
        stats.binom.sf(successes - 1, trials, share), abs=1e-10
    )
    assert tail(trials, share, slice(successes + 1)) == pytest.approx(
        stats.binom.cdf(successes, trials, share), abs=1e-10
    )


@given(COUNTS.filter(lambda counts: counts[1]))
def test_intervals_equal_scipys(counts):
    expected = stats.binomtest(*counts).proportion_ci(0.95, "exact")
    assert confidence_interval(*counts) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_many_trials_and_none():
    expected = stats.binomtest(31_000, 60_000).proportion_ci(0.95, "exact")
    assert confidence_interval(31_000, 60_000) == pytest.approx((expected.low, expected.high), abs=1e-8)
    assert confidence_interval(0, 0) == (0.5, 0.5)
