"""Groups by keys average over the same settings, and one comparison has one difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.compare.balanced_settings import find_balanced_combinations, find_largest_block
from dnn_cli.compare.group import Group
from dnn_cli.report.verdict_text import format_note_lines


def compare_by_optimizer(scored_runs):
    return scored_runs.compare(by=["optimizer.type"])


def test_unbalanced_grid_gives_one_difference(scored_runs):
    for rate, scores in ((0.1, (0.9, 0.91)), (0.01, (0.8, 0.82))):
        scored_runs.add("sgd", scores, f"optimizer={{type: sgd, learning_rate: {rate}}}")
        scored_runs.add("adam", scores, f"optimizer={{type: adam, learning_rate: {rate}}}")
    scored_runs.add("adam", (0.1, 0.12), "optimizer={type: adam, learning_rate: 1.0}")
    compared = compare_by_optimizer(scored_runs)
    means = {group.name: group.mean for group in compared.groups}
    assert means == pytest.approx({"adam": 0.8575, "sgd": 0.8575})
    (verdict,) = compared.verdict_set.verdicts
    assert verdict.difference.mean == pytest.approx(
        means[verdict.group.name] - means[compared.verdict_set.reference.name]
    )
    assert format_note_lines(compared) == [
        "each mean is taken over all values of optimizer.learning_rate (0.01, 0.1)",
        "2 runs with settings that some groups lack: not counted",
    ]


def test_spread_over_seeds_does_not_mix_settings(scored_runs):
    scored_runs.add("adam", (0.9, 0.9, 0.9), "batch_size=16")
    scored_runs.add("adam", (0.5, 0.5), "batch_size=32")
    scored_runs.add("sgd", (0.8, 0.8, 0.8), "optimizer=sgd", "batch_size=16")
    scored_runs.add("sgd", (0.4, 0.4, 0.4), "optimizer=sgd", "batch_size=32")
    for group in compare_by_optimizer(scored_runs).groups:
        assert group.spread == pytest.approx(0, abs=1e-12)


def test_groups_without_a_common_setting_keep_the_most_runs(scored_runs):
    scored_runs.add("adam", (0.9, 0.8, 0.7), "batch_size=16")
    scored_runs.add("adam", (0.1,), "batch_size=32")
    scored_runs.add("sgd", (0.6, 0.6), "optimizer=sgd", "batch_size=64")
    adam = next(group for group in compare_by_optimizer(scored_runs).groups if group.name == "adam")
    assert adam.seeds == [42, 43, 44]
    assert [run_score.score for run_score in adam.set_aside] == [0.1]


@pytest.mark.parametrize("key", ["layers.1.units", "layers.hidden.units", "model.layers.1.units"])
def test_layers_can_be_named_by_index(scored_runs, key):
    scored_runs.add("small", (0.8, 0.81, 0.82), "layers.hidden.units=8")
    scored_runs.add("large", (0.9, 0.91, 0.92), "layers.hidden.units=32")
    compared = scored_runs.compare(by=[key])
    assert [group.name for group in compared.groups] == ["32", "8"]
    assert not [warning for warning in compared.caveats if "no other setting" in warning]


@pytest.mark.parametrize("by", [(), ("optimizer.type",)], ids=["experiments", "groups by a key"])
def test_model_checkpoint_does_not_change_the_group(scored_runs, by):
    scored_runs.add("adam", (0.9, 0.91), "optimizer=adam", "model_checkpoint={}")
    scored_runs.add("adam", (0.92,), "optimizer=adam", first=44)
    scored_runs.add("sgd", (0.8, 0.81, 0.82), "optimizer=sgd")
    compared = scored_runs.compare(by=[*by])
    assert [(group.name, len(group.run_scores)) for group in compared.groups] == [("adam", 3), ("sgd", 3)]
    assert not [warning for warning in compared.caveats if "setting" in warning or "differ" in warning]


COMBINATIONS = st.sets(st.tuples(st.sampled_from("abc").map(lambda x: (("key", x),)), st.integers(1, 4)), min_size=1)


@given(st.lists(COMBINATIONS, min_size=1, max_size=4))
def test_every_seed_of_a_balanced_group_has_the_same_settings(grids):
    groups = [Group(str(n), {}, (), dict.fromkeys(cells, 0.5)) for n, cells in enumerate(grids)]
    balanced = find_balanced_combinations(groups)
    for group, cells in zip(groups, balanced, strict=True):
        assert cells
        assert cells <= set(group.scores)
        settings, seeds = {setting for setting, _ in cells}, {seed for _, seed in cells}
        assert len(cells) == len(settings) * len(seeds)
    if set.intersection(*(group.other_settings for group in groups)):
        assert len({frozenset(setting for setting, _ in cells) for cells in balanced}) == 1


def test_largest_block_prefers_more_seeds():
    a, b = (("key", "a"),), (("key", "b"),)
    group = Group("", {}, (), {(a, 1): 0.5, (a, 2): 0.5, (a, 3): 0.5, (b, 1): 0.5})
    assert find_largest_block({a, b}, [group]) == {a}
