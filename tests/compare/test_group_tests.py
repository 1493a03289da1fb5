import numpy as np
import pytest
from scipy import stats

from dnn_cli.compare.group_tests import ScorePair, mean_intervals, measure_differences, pair_samples
from dnn_cli.compare.statistics import Precision

EXACT = Precision(0.0, 0.0)


def scores(*seeds, start=0.0):
    """A score a seed, that grows with the seed."""
    return {seed: start + seed / 100 for seed in seeds}


@pytest.mark.parametrize(
    ("ours", "theirs", "sizes"),
    [
        pytest.param(range(6), range(6), (6,), id="the same seeds"),
        pytest.param(range(6), range(3, 9), (3,), id="half of them"),
        pytest.param(range(6), range(4, 10), (6, 6), id="less than half"),
        pytest.param(range(10), range(8, 12), (10, 4), id="two of four: fewer than three pairs"),
        pytest.param(range(10), range(9, 12), (10, 3), id="one of three"),
        pytest.param(range(3), range(1), (1,), id="one seed, which both have"),
        pytest.param(range(3), range(5, 6), (3, 1), id="one seed of its own"),
        pytest.param(range(3), range(3, 6), (3, 3), id="none"),
    ],
)
def test_groups_are_paired_where_they_share_half_of_the_smaller_ones_seeds(ours, theirs, sizes):
    assert tuple(map(len, pair_samples(scores(*ours), scores(*theirs)))) == sizes
    assert tuple(map(len, pair_samples(scores(*theirs), scores(*ours)))) == sizes[::-1]


def test_pairs_share_a_seed_in_any_order():
    (found,) = pair_samples({3: 0.5, 1: 0.25, 2: 1.0}, {1: 0.25, 4: 9.0, 2: 0.5, 3: 0.0})
    assert found.tolist() == [0.0, 0.5, 0.5]


def test_groups_of_all_sizes_keep_their_order():
    rng = np.random.default_rng(0)

    def drawn(n, first=0):
        return {first + seed: value for seed, value in enumerate(rng.normal(size=n))}

    base = drawn(8)
    sizes = [(8, 0), (3, 0), (8, 20), (1, 0), (8, 0), (5, 20), (1, 20), (6, 0), (2, 0)]
    pairs = [ScorePair(drawn(n, first), base) for n, first in sizes]
    found = measure_differences(pairs, 1, EXACT)
    assert [(one.design, one.test, one.seeds) for one in found] == [
        ("paired", "exact", (8, 8)), ("paired", "student", (3, 3)), ("unpaired", "exact", (8, 8)),
        ("paired", "none", (1, 1)), ("paired", "exact", (8, 8)), ("unpaired", "exact", (5, 8)),
        ("unpaired", "none", (1, 8)), ("paired", "exact", (6, 6)), ("paired", "exact", (2, 2)),
    ]  # fmt: skip
    for one, pair in zip(found, pairs, strict=True):
        (alone,) = measure_differences([pair], 1, EXACT)
        assert one == alone
        common = pair.ours.keys() & pair.theirs.keys() or pair.ours.keys() | pair.theirs.keys()
        means = [np.mean([group[seed] for seed in common if seed in group]) for group in (pair.ours, pair.theirs)]
        assert one.mean == pytest.approx(means[0] - means[1])
        assert (one.interval is None) == (min(one.seeds) < 3)
        assert (one.p_value is None) == (one.test == "none")
        assert one.span[0] <= one.mean <= one.span[1]
        if one.interval:
            assert one.interval[0] < one.mean < one.interval[1]


def test_a_difference_names_its_test_and_its_scatter():
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(1, 1, 6), rng.normal(0, 1, 6)
    paired, unpaired = measure_differences(
        [
            ScorePair(dict(enumerate(ours)), dict(enumerate(theirs))),
            ScorePair(dict(enumerate(ours)), dict(enumerate(theirs, 10))),
        ],
        1,
        EXACT,
    )
    assert paired.spread == pytest.approx((ours - theirs).std(ddof=1))
    assert unpaired.spread == pytest.approx(np.sqrt(ours.var(ddof=1) + theirs.var(ddof=1)))
    assert unpaired.span == pytest.approx((ours.min() - theirs.max(), ours.max() - theirs.min()))
    assert paired.span == pytest.approx(((ours - theirs).min(), (ours - theirs).max()))
    assert paired.lowest_p == 2 / 64
    assert unpaired.lowest_p == 2 / 924
    expected = stats.permutation_test((ours, theirs), lambda x, y: np.mean(x - y), permutation_type="samples")
    assert paired.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (6, 8), (28, 11)], ids=["two", "four", "eight"])
def test_t_tests_are_used_below_the_reach_of_the_exact_test(comparisons, seeds):
    rng = np.random.default_rng(2)
    for n in range(3, seeds + 2):
        pair = ScorePair(dict(enumerate(rng.normal(size=n))), dict.fromkeys(range(n), 0.0))
        (found,) = measure_differences([pair], comparisons, EXACT)
        assert found.test == ("student" if n < seeds else "exact")
        (strict,) = measure_differences([ScorePair(pair.ours, pair.theirs, needs_exact=True)], comparisons, EXACT)
        assert strict.test == "exact"


def test_a_quarter_of_the_pooled_variance_limits_a_t_test():
    pair = ScorePair({1: 0.90, 2: 0.91, 3: 0.92}, {1: 0.89, 2: 0.90, 3: 0.91})
    (free,) = measure_differences([pair], 1, EXACT)
    (limited,) = measure_differences([pair], 1, EXACT, mean_variance=1e-4)
    assert free.p_value < 1e-9
    expected = 0.01 / np.sqrt(0.25 * 2 * 1e-4 / 3)
    assert limited.p_value == pytest.approx(2 * stats.t.sf(expected, 2))


def test_runs_that_differ_by_rounding_are_equal():
    ours = {seed: 0.3 + seed / 10 + 1e-8 for seed in range(3)}
    theirs = {seed: 0.3 + seed / 10 for seed in range(3)}
    (found,) = measure_differences([ScorePair(ours, theirs)], 1, Precision(1e-6 * 0.5, 0.0))
    assert found.p_value > 0.9


def test_no_pairs_are_no_differences():
    assert measure_differences([], 1, EXACT) == []


def test_the_mean_of_every_group_has_an_interval_from_three_seeds_on():
    groups = [[0.1, 0.2, 0.4], [0.1, 0.2], [1.0, 2.0, 3.0, 4.0, 5.0, 7.0], [0.5, 0.6, 0.7, 0.8, 0.9], [0.4]]
    found = mean_intervals(groups, EXACT)
    assert [interval is None for interval in found] == [False, True, False, False, True]
    assert found[0] == pytest.approx(stats.ttest_1samp(groups[0], 0).confidence_interval())
    assert found[2] == pytest.approx((1.0, 7.0)), "six seeds: the exact interval is their range"
    assert found[3] == mean_intervals(groups[3:4], EXACT)[0]
    assert mean_intervals([], EXACT) == []
