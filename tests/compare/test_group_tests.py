import numpy as np
import pytest
from scipy import stats

from dnn_cli.compare.group_tests import ScorePair, compute_mean_intervals, measure_differences, pair_samples
from dnn_cli.compare.significance import ScoreResolution

EXACT = ScoreResolution(0.0, 0.0)


def build_scores(*seeds, start=0.0):
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
def test_groups_sharing_half_of_their_seeds_are_paired(ours, theirs, sizes):
    assert tuple(map(len, pair_samples(build_scores(*ours), build_scores(*theirs)))) == sizes
    assert tuple(map(len, pair_samples(build_scores(*theirs), build_scores(*ours)))) == sizes[::-1]


def test_pairs_are_matched_by_seed():
    (paired,) = pair_samples({3: 0.5, 1: 0.25, 2: 1.0}, {1: 0.25, 4: 9.0, 2: 0.5, 3: 0.0})
    assert paired.tolist() == [0.0, 0.5, 0.5]


def test_groups_of_all_sizes_keep_their_order():
    rng = np.random.default_rng(0)

    def draw_scores(n, first=0):
        return {first + seed: value for seed, value in enumerate(rng.normal(size=n))}

    base = draw_scores(8)
    sizes = [(8, 0), (3, 0), (8, 20), (1, 0), (8, 0), (5, 20), (1, 20), (6, 0), (2, 0)]
    pairs = [ScorePair(draw_scores(n, first), base) for n, first in sizes]
    differences = measure_differences(pairs, 1, EXACT)
    assert [(difference.design, difference.test, difference.seed_counts) for difference in differences] == [
        ("paired", "exact", (8, 8)), ("paired", "student", (3, 3)), ("unpaired", "exact", (8, 8)),
        ("paired", "none", (1, 1)), ("paired", "exact", (8, 8)), ("unpaired", "exact", (5, 8)),
        ("unpaired", "none", (1, 8)), ("paired", "exact", (6, 6)), ("paired", "exact", (2, 2)),
    ]  # fmt: skip
    for difference, pair in zip(differences, pairs, strict=True):
        (alone,) = measure_differences([pair], 1, EXACT)
        assert difference == alone
        common = pair.ours.keys() & pair.theirs.keys() or pair.ours.keys() | pair.theirs.keys()
        means = [np.mean([group[seed] for seed in common if seed in group]) for group in (pair.ours, pair.theirs)]
        assert difference.mean == pytest.approx(means[0] - means[1])
        assert (difference.interval is None) == (min(difference.seed_counts) < 3)
        assert (difference.p_value is None) == (difference.test == "none")
        assert difference.span[0] <= difference.mean <= difference.span[1]
        if difference.interval:
            assert difference.interval[0] < difference.mean < difference.interval[1]


def test_difference_has_test_spread_and_span():
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
    assert paired.min_p_value == 2 / 64
    assert unpaired.min_p_value == 2 / 924
    expected = stats.permutation_test((ours, theirs), lambda x, y: np.mean(x - y), permutation_type="samples")
    assert paired.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (6, 8), (28, 11)], ids=["two", "four", "eight"])
def test_t_tests_are_used_where_exact_tests_cannot_decide(comparisons, seeds):
    rng = np.random.default_rng(2)
    for n in range(3, seeds + 2):
        pair = ScorePair(dict(enumerate(rng.normal(size=n))), dict.fromkeys(range(n), 0.0))
        (difference,) = measure_differences([pair], comparisons, EXACT)
        assert difference.test == ("student" if n < seeds else "exact")
        (strict,) = measure_differences([ScorePair(pair.ours, pair.theirs, needs_exact=True)], comparisons, EXACT)
        assert strict.test == "exact"


def test_pooled_variance_limits_a_t_test():
    pair = ScorePair({1: 0.90, 2: 0.91, 3: 0.92}, {1: 0.89, 2: 0.90, 3: 0.91})
    (free,) = measure_differences([pair], 1, EXACT)
    (limited,) = measure_differences([pair], 1, EXACT, mean_variance=1e-4)
    assert free.p_value < 1e-9
    expected = 0.01 / np.sqrt(0.25 * 2 * 1e-4 / 3)
    assert limited.p_value == pytest.approx(2 * stats.t.sf(expected, 2))


def test_rounding_errors_are_no_difference():
    ours = {seed: 0.3 + seed / 10 + 1e-8 for seed in range(3)}
    theirs = {seed: 0.3 + seed / 10 for seed in range(3)}
    (difference,) = measure_differences([ScorePair(ours, theirs)], 1, ScoreResolution(1e-6 * 0.5, 0.0))
    assert difference.p_value > 0.9


def test_no_pairs_give_no_differences():
    assert measure_differences([], 1, EXACT) == []


def test_group_means_have_intervals_from_three_seeds():
    groups = [[0.1, 0.2, 0.4], [0.1, 0.2], [1.0, 2.0, 3.0, 4.0, 5.0, 7.0], [0.5, 0.6, 0.7, 0.8, 0.9], [0.4]]
    intervals = compute_mean_intervals(groups, EXACT)
    assert [interval is None for interval in intervals] == [False, True, False, False, True]
    assert intervals[0] == pytest.approx(stats.ttest_1samp(groups[0], 0).confidence_interval())
    assert intervals[2] == pytest.approx((1.0, 7.0)), "six seeds: the exact interval is their range"
    assert intervals[3] == compute_mean_intervals(groups[3:4], EXACT)[0]
    assert compute_mean_intervals([], EXACT) == []
