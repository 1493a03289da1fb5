"""`dnn plan`: pairs and minutes from the runs that exist, without training."""

import json

import pytest

from dnn_cli.errors import UsageError


def score(name, seed):
    return 0.6 + 0.01 * ((7 * seed + 3 * (name == "momentum")) % 5)


def test_a_plan_has_pairs_and_times_for_each_end_of_the_spread(settle_program):
    settle_program.settle(score, most=5, difference=0.001)
    before = sorted(settle_program.store.root.rglob("*"))
    done = settle_program.plan(0.02)
    assert "standard deviation of 5 pairs: " in done.out and "next  dnn settle" in done.out
    document = json.loads(settle_program.plan(0.02, as_json=True).out)
    low, estimate, high = document["forecasts"]
    assert low["spread"] < estimate["spread"] == document["spread"]["value"] < high["spread"]
    assert low["fixed_pairs"] <= estimate["fixed_pairs"] <= high["fixed_pairs"]
    assert low["if_different"]["mean_pairs"] < high["if_different"]["mean_pairs"] <= 30
    assert estimate["seconds"]["fixed"] >= 0 and document["pairs"] == 5
    assert sorted(settle_program.store.root.rglob("*")) == before


def test_a_plan_needs_three_pairs(settle_program):
    with pytest.raises(UsageError, match="needs 3 pairs of equal seeds") as caught:
        settle_program.plan(0.02)
    assert "dnn settle" in caught.value.suggestion and "--most 3" in caught.value.suggestion


@pytest.mark.parametrize("difference", [0.0, float("nan"), float("inf")])
def test_a_difference_is_a_positive_number(settle_program, difference):
    with pytest.raises(UsageError, match="is not a positive number"):
        settle_program.plan(difference)
