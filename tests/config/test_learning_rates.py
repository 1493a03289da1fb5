"""The rate of a step is Keras's, and schedules are held against the steps of the training."""

import keras
import pytest
from pydantic import TypeAdapter

from dnn_cli.config.learning_rates import compute_rate
from dnn_cli.config.loading import load_experiment
from dnn_cli.config.schedules import Schedule
from dnn_cli.training import warmup_schedule  # noqa: F401 - registers the class

SCHEDULES = [
    "{type: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 7, decay_rate: 0.5}",
    "{type: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 7, decay_rate: 0.5, staircase: true}",
    "{type: InverseTimeDecay, initial_learning_rate: 0.1, decay_steps: 7, decay_rate: 0.5, staircase: true}",
    "{type: PolynomialDecay, initial_learning_rate: 0.1, decay_steps: 30, power: 2.0}",
    "{type: PolynomialDecay, initial_learning_rate: 0.1, decay_steps: 13, cycle: true}",
    "{type: PiecewiseConstantDecay, boundaries: [3, 20], values: [0.1, 0.03, 0.01]}",
    "{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 30, alpha: 0.1}",
    "{type: CosineDecay, initial_learning_rate: 0.01, decay_steps: 30, warmup_target: 0.2, warmup_steps: 9}",
    "{type: CosineDecayRestarts, initial_learning_rate: 0.1, first_decay_steps: 7, m_mul: 0.8}",
    "{type: CosineDecayRestarts, initial_learning_rate: 0.1, first_decay_steps: 7, t_mul: 1.0}",
    "{type: Warmup, learning_rate: 0.1, warmup_steps: 9, start_factor: 0.2}",
    "{type: Warmup, learning_rate: 0.1, warmup_steps: 0}",
    "{type: Warmup, warmup_steps: 5, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 30}}",
]


@pytest.mark.parametrize("text", SCHEDULES)
def test_rate_matches_keras(text):
    import yaml

    schedule = TypeAdapter(Schedule).validate_python(yaml.safe_load(text))
    theirs = schedule.build_keras_object()
    for step in (0, 1, 2, 3, 4, 8, 9, 13, 14, 19, 20, 21, 29, 30, 31, 49, 77):
        value = float(keras.ops.convert_to_numpy(theirs(step)))
        assert compute_rate(schedule, step) == pytest.approx(value, rel=1e-4, abs=1e-7)


ADVICE_CASES = {
    "cosine in epochs": ("{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 20}",
                         "is 0 after 20 of 900 steps (45 steps per epoch)", "decay_steps=900"),
    "exponential in epochs": ("{type: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 1, decay_rate: 0.9}",
                              "below 1% of its peak after 44 of 900 steps", "decay_steps=45"),
    "boundaries in epochs": ("{type: PiecewiseConstantDecay, boundaries: [5, 15], values: [0.1, 0.05, 0.01]}",
                             "its last value, 0.01, after 15 of 900 steps", "boundaries=[225, 675]"),
    "far too long": ("{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 10000000}",
                     "falls only from 0.1 to 0.1 in 900 steps", "decay_steps=900"),
    "a warm-up without end": ("{type: CosineDecay, initial_learning_rate: 0.0, decay_steps: 900, warmup_target: 0.1, "
                              "warmup_steps: 5000}", "the warm-up needs 5,000 steps", "warmup_steps=90"),
    "a warm-up as long as the training": ("{type: Warmup, learning_rate: 0.1, warmup_steps: 900}",
                                          "the warm-up needs 900 steps, but the training has 900", "warmup_steps=90"),
    "a decay in epochs after a warm-up": (
        "{type: Warmup, warmup_steps: 45, "
        "learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 20}}",
        "is 0 after 65 of 900 steps (45 steps per epoch)", "learning_rate.decay_steps=855"),
    "boundaries in epochs after a warm-up": (
        "{type: Warmup, warmup_steps: 45, "
        "learning_rate: {type: PiecewiseConstantDecay, boundaries: [5, 15], values: [0.1, 0.05, 0.01]}}",
        "its last value, 0.01, after 60 of 900 steps", "learning_rate.boundaries=[225, 675]"),
    "far too long after a warm-up": (
        "{type: Warmup, warmup_steps: 45, "
        "learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 10000000}}",
        "falls only from 0.1 to 0.1 in 855 steps", "learning_rate.decay_steps=855"),
    "a short warm-up": ("{type: Warmup, learning_rate: 0.1, warmup_steps: 90}", "", ""),
    "as long as the training": ("{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 900}", "", ""),
    "restarts": ("{type: CosineDecayRestarts, initial_learning_rate: 0.1, first_decay_steps: 128}", "", ""),
    "steps of some epochs": ("{type: PiecewiseConstantDecay, boundaries: [300, 600], values: [0.1, 0.03, 0.01]}", "",
                             ""),
    "a slow fall": ("{type: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 100, decay_rate: 0.9}", "", ""),
    "a fixed rate": ("0.1", "", ""),
}  # fmt: skip


@pytest.mark.parametrize(("rate", "message", "change"), ADVICE_CASES.values(), ids=ADVICE_CASES.keys())
def test_schedule_advice_counts_steps(config, rate, message, change):
    """C17."""
    overrides = ["epochs=20", f"optimizer={{type: sgd, learning_rate: {rate}}}"]
    issues = [
        issue
        for issue in load_experiment(config(), overrides).advice
        if "learning rate" in str(issue) or "warm" in str(issue)
    ]
    assert len(issues) == bool(message)
    for issue in issues:
        assert message in issue.message
        override = issue.suggestion.removeprefix("for example ")
        assert override == f"optimizer.learning_rate.{change}"
        assert not load_experiment(config(), [*overrides, override]).advice


def test_training_of_a_single_step_becomes_longer_than_its_warm_up(config):
    overrides = ["epochs=1", "batch_size=10000", "lr={type: Warmup, learning_rate: 0.1, warmup_steps: 5}"]
    (issue,) = load_experiment(config(), overrides).advice
    assert issue.suggestion == "for example epochs=10 optimizer.learning_rate.warmup_steps=1"
    suggested = issue.suggestion.removeprefix("for example ").split()
    assert not load_experiment(config(), [*overrides, *suggested]).advice
