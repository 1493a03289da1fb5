import pytest

from dnn_cli.study.power import (
    MIN_STUDY_SEEDS,
    PLANNED_EFFECT,
    PLANNED_POWER,
    PLANNED_TUNING_SPREAD,
    choose_seeds,
    compute_power,
    count_pairs,
)


@pytest.mark.parametrize(
    ("values", "seeds", "power"),
    # Measured with 20,000 simulations.
    [(5, 10, 0.633), (5, 12, 0.857), (2, 10, 0.975), (3, 9, 0.824), (5, 9, 0.482)],
)
def test_power_for_two_standard_deviations(values, seeds, power):
    assert compute_power(values, seeds, 2.0) == pytest.approx(power, abs=0.01)


def test_power_grows_with_seeds_and_effect():
    powers = [compute_power(5, seeds, effect) for seeds, effect in [(10, 1.0), (10, 2.0), (12, 2.0), (12, 3.0)]]
    assert powers == sorted(powers)
    assert compute_power(5, 12, -2.0) == compute_power(5, 12, 2.0)


def test_power_without_effect_is_below_the_level():
    assert compute_power(2, 10, 0.0) <= 0.05


def test_few_seeds_are_judged_by_a_t_test():
    """`dnn compare` finds large differences with three seeds, where the exact test finds none."""
    assert compute_power(2, 3, 20.0) > 0.9
    assert compute_power(2, 2, 20.0) == 0.0


@pytest.mark.parametrize("values", [2, 3, 5])
def test_seeds_of_a_study_are_the_least_with_enough_power(values):
    def compute_planned_power(seeds):
        return compute_power(values, seeds, PLANNED_EFFECT, tuning_spread=PLANNED_TUNING_SPREAD)

    seeds = choose_seeds(values)
    assert compute_planned_power(seeds) >= PLANNED_POWER
    assert seeds == MIN_STUDY_SEEDS or compute_planned_power(seeds - 1) < PLANNED_POWER


def test_tuning_noise_lowers_the_power():
    assert compute_power(5, 12, 2.0, tuning_spread=0.2) < compute_power(5, 12, 2.0) - 0.1
    assert compute_power(2, 3, 5.0, tuning_spread=0.2) < compute_power(2, 3, 5.0)
    assert compute_power(2, 10, 2.0, tuning_spread=PLANNED_TUNING_SPREAD) > 0.9


def test_all_pairs_of_values_are_compared():
    assert [count_pairs(values) for values in (2, 3, 5)] == [1, 3, 10]


def test_seeds_of_many_values():
    """Above 29 values, no exact test can give a verdict at the level of Holm's correction."""
    assert compute_power(30, choose_seeds(30), PLANNED_EFFECT) >= PLANNED_POWER
