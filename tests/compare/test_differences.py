import numpy as np
import pytest
from scipy import stats

from dnn_cli.compare.differences import differences, mean_intervals, samples_of


def scores(*seeds, start=0.0):
    """A score a seed, that grows with it."""
    return {seed: start + seed / 100 for seed in seeds}


@pytest.mark.parametrize(
    ("ours", "theirs", "sizes"),
    [
        pytest.param(range(6), range(6), (6,), id="the same seeds"),
        pytest.param(range(6), range(3, 9), (3,), id="half of them"),
        pytest.param(range(6), range(4, 10), (6, 6), id="less than half"),
        pytest.param(range(10), range(8, 12), (2,), id="half of the smaller group's"),
        pytest.param(range(10), range(9, 12), (10, 3), id="one of three"),
        pytest.param(range(3), range(1), (1,), id="one seed, which both have"),
        pytest.param(range(3), range(5, 6), (3, 1), id="one seed of its own"),
        pytest.param(range(3), range(3, 6), (3, 3), id="none"),
    ],
)
def test_groups_are_paired_where_they_share_half_of_the_smaller_ones_seeds(ours, theirs, sizes):
    assert tuple(map(len, samples_of(scores(*ours), scores(*theirs)))) == sizes
    assert tuple(map(len, samples_of(scores(*theirs), scores(*ours)))) == sizes[::-1]


def test_pairs_are_those_of_one_seed_in_whatever_order():
    (found,) = samples_of({3: 0.5, 1: 0.25, 2: 1.0}, {1: 0.25, 4: 9.0, 2: 0.5, 3: 0.0})
    assert found.tolist() == [0.0, 0.5, 0.5]


def test_groups_of_all_sizes_come_back_in_their_order():
    rng = np.random.default_rng(0)

    def drawn(n, first=0):
        return {first + seed: value for seed, value in enumerate(rng.normal(size=n))}

    base = drawn(8)
    sizes = [(8, 0), (3, 0), (8, 20), (1, 0), (8, 0), (5, 20), (1, 20), (6, 0)]
    pairs = [(drawn(n, first), base) for n, first in sizes]
    found = differences(pairs)
    assert [(one.design, one.seeds) for one in found] == [
        ("paired", (8, 8)), ("paired", (3, 3)), ("unpaired", (8, 8)), ("paired", (1, 1)), ("paired", (8, 8)),
        ("unpaired", (5, 8)), ("unpaired", (1, 8)), ("paired", (6, 6)),
    ]  # fmt: skip
    for one, pair in zip(found, pairs, strict=True):
        (alone,) = differences([pair])
        assert (one.design, one.mean, one.span, one.p_value, one.seeds) == (
            alone.design, alone.mean, alone.span, alone.p_value, alone.seeds,
        )  # fmt: skip
        assert one.interval == (alone.interval and pytest.approx(alone.interval))
    for one, (ours, theirs) in zip(found, pairs, strict=True):
        common = ours.keys() & theirs.keys() or ours.keys() | theirs.keys()
        means = [np.mean([group[seed] for seed in common if seed in group]) for group in (ours, theirs)]
        assert one.mean == pytest.approx(means[0] - means[1])
        assert (one.interval is None) == (min(one.seeds) < 5)
        assert (one.p_value is None) == (min(one.seeds) < 2)
        assert one.span[0] <= one.mean <= one.span[1]
        if one.interval:
            assert one.interval[0] < one.mean < one.interval[1]


def test_a_difference_knows_its_test_and_its_scatter():
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(1, 1, 6), rng.normal(0, 1, 6)
    paired, unpaired = differences(
        [(dict(enumerate(ours)), dict(enumerate(theirs))), (dict(enumerate(ours)), dict(enumerate(theirs, 10)))]
    )
    assert paired.spread == pytest.approx((ours - theirs).std(ddof=1))
    assert unpaired.spread == pytest.approx(np.sqrt(ours.var(ddof=1) + theirs.var(ddof=1)))
    assert unpaired.span == pytest.approx((ours.min() - theirs.max(), ours.max() - theirs.min()))
    assert paired.span == pytest.approx(((ours - theirs).min(), (ours - theirs).max()))
    assert paired.lowest_p == 2 / 64
    assert unpaired.lowest_p == 2 / 924
    expected = stats.permutation_test((ours, theirs), lambda x, y: np.mean(x - y), permutation_type="samples")
    assert paired.p_value == pytest.approx(expected.pvalue)


def test_no_pairs_are_no_differences():
    assert differences([]) == []


def test_the_mean_of_every_group_has_an_interval_from_five_seeds_on():
    groups = [[0.1] * 5, [0.1, 0.2], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, 0.6, 0.7, 0.8, 0.9], [0.4]]
    found = mean_intervals(groups)
    assert [interval is None for interval in found] == [False, True, False, False, True]
    assert found[0] == pytest.approx((0.1, 0.1))
    assert found[2][0] < 3.5 < found[2][1]
    assert found[3] == mean_intervals(groups[3:4])[0]
    assert mean_intervals([]) == []
